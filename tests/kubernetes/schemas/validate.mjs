// Sets of manifests (JSON on standard input, {name: [manifest, …]}) against Kubernetes' own schemas, twice: the schemas as validators say whether
// what is there is right (types, what is required, enumerations, formats); the same schemas as types let the compiler say
// whether anything is there that Kubernetes does not know. Prints the faults of each set: {name: [fault, …]}.
import { readFileSync, writeFileSync } from "node:fs";
import ts from "typescript";

const PACKAGES = [
  [/(^|\.)monitoring\.coreos\.com$/, "@kubernetes-models/prometheus-operator"],
  [/^gateway\.networking\.k8s\.io$/, "@kubernetes-models/gateway-api"],
  [/^external-secrets\.io$/, "@kubernetes-models/external-secrets"],
  [/^traefik\.io$/, "@kubernetes-models/traefik"],
];

function moduleOf(manifest) {
  const group = manifest.apiVersion.includes("/") ? manifest.apiVersion.split("/")[0] : "";
  const found = PACKAGES.find(([pattern]) => pattern.test(group));
  return `${found ? found[1] : "kubernetes-models"}/${manifest.apiVersion}`;
}

const nameOf = (manifest) => `${manifest.kind}/${manifest.metadata?.name}`;

async function faultsOfValues(manifest) {
  const models = await import(moduleOf(manifest));
  const Model = models[manifest.kind];
  if (!Model) return [`${nameOf(manifest)}: ${manifest.apiVersion} has no ${manifest.kind}`];
  try {
    new Model(manifest).validate();
    return [];
  } catch (error) {
    return [`${nameOf(manifest)}: ${error.message}`];
  }
}

// All of them in one program, which reads the types once; faults[i] are those of manifests[i].
function faultsOfNames(manifests) {
  const lines = manifests.map(
    (manifest, i) =>
      `import type { I${manifest.kind} as T${i} } from "${moduleOf(manifest)}";\n` +
      `export const m${i}: T${i} = ${JSON.stringify(manifest, null, 1)};\n`,
  );
  writeFileSync("manifests.ts", lines.join(""));
  const program = ts.createProgram(["manifests.ts"], {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
  });
  const faults = manifests.map(() => []);
  for (const diagnostic of ts.getPreEmitDiagnostics(program)) {
    const text = ts.flattenDiagnosticMessageText(diagnostic.messageText, "; ");
    if (!diagnostic.file) throw new Error(text);
    const before = diagnostic.file.text.slice(0, diagnostic.start);
    const index = (before.match(/^export const m\d+:/gm)?.length ?? 1) - 1;
    faults[index].push(`${nameOf(manifests[index])}: ${text}`);
  }
  return faults;
}

const sets = JSON.parse(readFileSync(0, "utf8"));
const rows = Object.entries(sets).flatMap(([name, manifests]) => manifests.map((manifest) => ({ name, manifest })));
const ofNames = faultsOfNames(rows.map((row) => row.manifest));
const told = Object.fromEntries(Object.keys(sets).map((name) => [name, []]));
for (const [i, { name, manifest }] of rows.entries()) told[name].push(...(await faultsOfValues(manifest)), ...ofNames[i]);
console.log(JSON.stringify(told));
