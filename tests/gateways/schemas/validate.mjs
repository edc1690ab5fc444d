// Envoy configurations (JSON on standard input, {name: configuration}) against Envoy's own protocol buffers, which the npm
// package grpc-js-xds carries: unknown fields and enumerators, wrong types, two fields of a oneof, and what the rules that
// stand beside the fields require. Prints the faults of each: {name: [fault, …]}.
import { existsSync, readFileSync } from "node:fs";
import protobuf from "protobufjs";

const DEPS = "node_modules/@grpc/grpc-js-xds/deps";
const FOLDERS = [`${DEPS}/envoy-api`, `${DEPS}/googleapis`, `${DEPS}/xds`, `${DEPS}/protoc-gen-validate`, "node_modules/protobufjs"];
const MESSAGES = [
  "envoy/config/bootstrap/v3/bootstrap",
  "envoy/extensions/filters/http/ext_authz/v3/ext_authz",
  "envoy/extensions/filters/http/header_mutation/v3/header_mutation",
  "envoy/extensions/filters/http/rbac/v3/rbac",
  "envoy/extensions/filters/http/router/v3/router",
  "envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager",
  "envoy/extensions/transport_sockets/tls/v3/tls",
  "envoy/extensions/upstreams/http/v3/http_protocol_options",
];
// Later than the package. RemoveOnMatch: Envoy 1.36, api/envoy/config/common/mutation_rules/v3/mutation_rules.proto.
const LATER = `syntax = "proto3";
package later;
message RemoveOnMatch { envoy.type.matcher.v3.StringMatcher key_matcher = 1 [(validate.rules).message = {required: true}]; }`;

const SCALARS = {
  "google.protobuf.BoolValue": "bool",
  "google.protobuf.UInt32Value": "uint32",
  "google.protobuf.UInt64Value": "uint64",
  "google.protobuf.StringValue": "string",
};
const isText = (value) => typeof value === "string";
const isDuration = (value) => isText(value) && /^\d+(\.\d+)?s$/.test(value);

async function load() {
  const root = new protobuf.Root();
  root.resolvePath = (_, target) => FOLDERS.map((folder) => `${folder}/${target}`).find(existsSync) ?? target;
  await root.load(MESSAGES.map((name) => `${name}.proto`), { keepCase: true });
  protobuf.parse(LATER, root, { keepCase: true });
  root.lookupType("envoy.config.common.mutation_rules.v3.HeaderMutation").oneofs.action.add(
    new protobuf.Field("remove_on_match", 3, "later.RemoveOnMatch"),
  );
  return root;
}

// What `(validate.rules)` say of a field, by the kind of its value: {message: {required: true}}, {string: {min_len: 1}} …
function rulesOf(field) {
  const found = (field.parsedOptions ?? []).map((option) => option["(validate.rules)"]).filter(Boolean);
  return Object.assign({}, ...found);
}

function faultsOfScalar(type, value) {
  if (type === "bool") return typeof value === "boolean" ? [] : [": is no bool"];
  if (type === "string" || type === "bytes") return isText(value) ? [] : [": is no text"];
  return Number.isFinite(value) ? [] : [": is no number"];
}

function faultsOfValue(root, field, value) {
  const type = field.resolve().resolvedType;
  if (!type) return faultsOfScalar(field.type, value);
  const name = type.fullName.replace(/^\./, "");
  if (type instanceof protobuf.Enum) return value in type.values ? [] : [`: has no ${value}`];
  if (SCALARS[name]) return faultsOfScalar(SCALARS[name], value);
  if (name === "google.protobuf.Duration") return isDuration(value) ? [] : [": is no duration"];
  if (name === "google.protobuf.Any") return faultsOfAny(root, value);
  return faultsOfMessage(root, type, value);
}

function faultsOfAny(root, value) {
  const { "@type": url, ...rest } = value;
  const name = url?.replace("type.googleapis.com/", "");
  try {
    return faultsOfMessage(root, root.lookupType(name), rest);
  } catch (error) {
    return [`: ${error.message}`];
  }
}

function faultsOfRules(rules, value) {
  const { min_len: length } = rules.string ?? {};
  const { min_items: items } = rules.repeated ?? {};
  if (length && value.length < length) return [": is too short"];
  if (items && value.length < items) return [": has too few items"];
  if (rules.uint32?.gt !== undefined && !(value > rules.uint32.gt)) return [": is too small"];
  return [];
}

function faultsOfField(root, field, value) {
  if (field.map) return Object.entries(value).flatMap(([key, v]) => within(key, faultsOfValue(root, field, v)));
  if (!field.repeated) return faultsOfValue(root, field, value);
  if (!Array.isArray(value)) return [": is no list"];
  return value.flatMap((v, i) => within(i, faultsOfValue(root, field, v)));
}

// A fault is `: what is wrong`, with the way to it before the colon.
const within = (name, faults) => faults.map((fault) => `${name}${fault.startsWith(":") ? "" : "."}${fault}`);

function faultsOfMessage(root, type, value) {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [": is no message"];
  const faults = [];
  for (const [name, v] of Object.entries(value)) {
    const field = type.fields[name];
    if (!field) faults.push(`${name}: is unknown to ${type.name}`);
    else faults.push(...within(name, [...faultsOfField(root, field, v), ...faultsOfRules(rulesOf(field), v)]));
  }
  for (const oneof of type.oneofsArray) {
    const set = oneof.fieldsArray.filter((field) => field.name in value);
    if (set.length > 1) faults.push(`: ${oneof.name} has ${set.map((field) => field.name)}`);
    if (set.length === 0 && oneof.options?.["(validate.required)"]) faults.push(`: ${oneof.name} is missing`);
  }
  for (const field of type.fieldsArray) {
    const rules = rulesOf(field);
    const needed = rules.message?.required || rules.any?.required || rules.string?.min_len || rules.repeated?.min_items;
    if (needed && !field.partOf && !(field.name in value)) faults.push(`: ${field.name} is missing`);
  }
  return faults;
}

const root = await load();
const bootstrap = root.lookupType("envoy.config.bootstrap.v3.Bootstrap");
const told = Object.entries(JSON.parse(readFileSync(0, "utf8"))).map(([name, configuration]) => [
  name,
  faultsOfMessage(root, bootstrap, configuration),
]);
console.log(JSON.stringify(Object.fromEntries(told)));
