// node client.js URL KEY DESCRIBED: asks about a request twice, then twice more in a batch, and prints what it was told.
import createClient from "openapi-fetch";
import type { paths as Auth } from "./auth.js";
import type { paths } from "./introspection.js";

declare const process: { argv: string[] };

type Described = paths["/v1/introspect"]["post"]["requestBody"]["content"]["application/json"];
type Issued = Auth["/oauth/token"]["post"]["responses"]["200"]["content"]["application/x-www-form-urlencoded"];

const [url, key, text] = process.argv.slice(2) as [string, string, string];
const described = JSON.parse(text) as Described;
const client = createClient<paths>({ baseUrl: url, headers: { Authorization: `Bearer ${key}` } });

// What the types forbid must not compile.
// @ts-expect-error url is required
const incomplete: Described = { method: "GET" };
// @ts-expect-error there is no such member
const misspelt: Described = { method: "GET", url: "https://x", requiredScope: "a" };
const issued = (token: Issued): string => token.oauth_token_secret;
void [incomplete, misspelt, issued];

const first = await client.POST("/v1/introspect", { body: described });
if (!first.data?.active) throw new Error(JSON.stringify(first));
const second = await client.POST("/v1/introspect", { body: described });
if (!second.data || second.data.active) throw new Error(JSON.stringify(second));
const batch = await client.POST("/v1/introspect/batch", { body: { requests: [described, described] } });
console.log(
  JSON.stringify({
    username: first.data.username,
    legs: first.data.oauth1.legs,
    refused: second.data.problem.code,
    batch: batch.data?.results.map((result) => result.active),
  }),
);
