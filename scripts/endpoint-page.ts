// The endpoints of the modules, as Markdown for the reference: made of the OpenAPI document that a server serves.
import { generateKeyPairSync } from "node:crypto";
import { tmpdir } from "node:os";
import { modulesNamed } from "@bk/modules";
import { push } from "@bk/modules/push";
import { createServer } from "@bk/server";
import { markdownTable } from "./capability-tables.js";

type Json = Readonly<Record<string, unknown>>;
interface Operation {
  readonly summary: string;
  readonly tags?: readonly string[];
  readonly security?: readonly Json[];
  readonly parameters?: readonly Json[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Json }>> };
}

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ");

export async function endpointsPage(): Promise<string> {
  const server = await createServer({
    db: "memory:",
    masterKey: "the documentation has no secrets at all",
    home: tmpdir(),
    modules: [...modulesNamed(["all"]), push({ apps: { docs: { apns: appleKey() } } })],
  });
  const document = (await (await server.app.fetch(new Request("http://localhost/openapi.json"))).json()) as {
    paths: Record<string, { post: Operation }>;
  };
  await server.close();
  const byModule = new Map<string, string[]>();
  for (const [path, { post }] of Object.entries(document.paths)) {
    const [module] = post.tags ?? [];
    if (module === undefined || path.startsWith("/data/")) continue;
    byModule.set(module, [...(byModule.get(module) ?? []), endpointOf(path, post)]);
  }
  const sections = [...byModule].map(([module, endpoints]) => `## ${module}\n\n${endpoints.join("\n\n")}`);
  return `# Endpoints of the modules

Every method takes them; parameters come in the query, a form or a JSON body. \`/openapi.json\` of a server has them with their schemas.

${sections.join("\n\n")}
`;
}

/** Push has its endpoints for an app alone. Nothing is sent. */
function appleKey(): { key: string; keyId: string; teamId: string } {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return { key: privateKey.export({ type: "pkcs8", format: "pem" }) as string, keyId: "ABCDEFGHIJ", teamId: "ABCDEFGHIJ" };
}

function endpointOf(path: string, { summary, security, requestBody }: Operation): string {
  const who = security === undefined ? "" : security.length === 0 ? " Open to everybody." : " Credentials are optional.";
  const schema = requestBody?.content["application/json"]?.schema;
  const required = new Set((schema?.["required"] as readonly string[] | undefined) ?? []);
  const rows = Object.entries((schema?.["properties"] as Readonly<Record<string, Json>> | undefined) ?? {}).map(([name, property]) => [
    `\`${name}\`${required.has(name) ? " (required)" : ""}`,
    cell(typeOf(property)),
    cell(String(property["description"] ?? "")),
  ]);
  const table = rows.length === 0 ? "" : `\n\n${markdownTable(["parameter", "type", ""], rows)}`;
  return `### \`${path}\`\n\n${summary}.${who}${table}`;
}

function typeOf({ type, enum: values, minimum, maximum, maxLength, maxItems, default: byDefault }: Json): string {
  const name = Array.isArray(type) ? type.join(" or ") : typeof type === "string" ? type : "any";
  const range = minimum === undefined && maximum === undefined ? "" : ` ${String(minimum ?? "")}…${String(maximum ?? "")}`;
  const most = maxLength ?? maxItems;
  return [
    `${name}${range}${most === undefined ? "" : `, at most ${String(most)}`}`,
    ...(values === undefined ? [] : [`one of ${(values as readonly unknown[]).join(", ")}`]),
    ...(byDefault === undefined ? [] : [`default ${JSON.stringify(byDefault)}`]),
  ].join("; ");
}
