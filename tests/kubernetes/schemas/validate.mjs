// Manifests (a JSON list on standard input) against Kubernetes' own schemas, twice: the schemas as validators say whether
// what is there is right (types, what is required, enumerations, formats); the same schemas as types let the compiler say
// whether anything is there that Kubernetes does not know. Prints a line for each fault, and exits with 1 if there is one.
import { readFileSync, writeFileSync } from "node:fs";
import ts from "typescript";

const PACKAGES = [
  [/(^|\.)monitoring\.coreos\.com$/, "@kubernetes-models/prometheus-operator"],
  [/^gateway\.networking\.k8s\.io$/, "@kubernetes-models/gateway-api"],
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
  return ts.getPreEmitDiagnostics(program).map((diagnostic) => {
    const text = ts.flattenDiagnosticMessageText(diagnostic.messageText, "; ");
    if (!diagnostic.file) return text;
    const before = diagnostic.file.text.slice(0, diagnostic.start);
    const index = before.match(/export const m\d+:/g)?.length ?? 1;
    return `${nameOf(manifests[index - 1])}: ${text}`;
  });
}

const manifests = JSON.parse(readFileSync(0, "utf8"));
const faults = [...(await Promise.all(manifests.map(faultsOfValues))).flat(), ...faultsOfNames(manifests)];
for (const fault of faults) console.log(fault);
process.exit(faults.length ? 1 : 0);
