// Whether a DKIM signature holds (RFC 6376, relaxed/relaxed, rsa-sha256), for mails as tests receive them.

import { createHash, verify } from "node:crypto";

const tagsOf = (value: string): Map<string, string> =>
  new Map(
    value.split(";").flatMap((part) => {
      const at = part.indexOf("=");
      return at < 0 ? [] : [[part.slice(0, at).trim(), part.slice(at + 1).replaceAll(/\s/g, "")] as const];
    }),
  );

const relaxed = (name: string, value: string): string =>
  `${name.toLowerCase().trim()}:${value
    .replaceAll(/\r\n/g, "")
    .replaceAll(/[ \t]+/g, " ")
    .trim()}`;

export function holdsDkim(mail: string, publicKey: string): { readonly holds: boolean; readonly tags: ReadonlyMap<string, string> } {
  const end = mail.indexOf("\r\n\r\n");
  const headers = mail
    .slice(0, end)
    .split(/\r\n(?![ \t])/)
    .map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1)] as const);
  const [, signature = ""] = headers.find(([name]) => name.toLowerCase() === "dkim-signature") ?? [];
  const tags = tagsOf(signature);
  const body = `${mail
    .slice(end + 4)
    .replaceAll(/[ \t]+(?=\r\n)/g, "")
    .replaceAll(/[ \t]+/g, " ")
    .replace(/(\r\n)+$/, "")}\r\n`;
  const signed = [
    ...tags
      .get("h")!
      .split(":")
      .flatMap((name) =>
        headers.filter(([each]) => each.toLowerCase() === name.toLowerCase()).map(([each, value]) => relaxed(each, value)),
      ),
    relaxed("dkim-signature", signature.replace(/([;\s]b=)[^;]*/, "$1")),
  ].join("\r\n");
  const isBody = createHash("sha256").update(body).digest("base64") === tags.get("bh");
  return { holds: isBody && verify("sha256", Buffer.from(signed), publicKey, Buffer.from(tags.get("b")!, "base64")), tags };
}
