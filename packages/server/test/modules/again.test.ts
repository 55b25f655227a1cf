// Who calls, as replies that go on for long ask again: `call.again()`.
import { type BackendModule, type Call, callsOf, endpoint } from "@bk/modules";
import { expect, it } from "vitest";

import { startServer } from "../start-server.js";

it("is the account with the types that it has now, and nobody once it is gone or another one", async () => {
  let call: Call | undefined;
  const ping = (who: "account" | "anonymous") =>
    endpoint({
      path: `/probe/${who}`,
      summary: "Keeps the call",
      who,
      reply: {},
      answer(given) {
        call = given;
        return Promise.resolve({});
      },
    });
  const probe: BackendModule = {
    name: "probe",
    tables: {},
    start: () => ({ name: "probe", endpoints: [ping("account"), ping("anonymous")] }),
  };
  await using test = await startServer({ tables: {}, modules: [probe] });
  const logins = callsOf(test.server.db);
  await test.call("bob", "/probe/account");
  expect(await call!.again()).toEqual(call!.caller);
  await logins.update("bk_auth", { login: "bob", type: "editor,admin" });
  expect(await call!.again()).toMatchObject({ id: test.ids["bob"], isAdmin: true, types: ["editor", "admin"] });
  expect(call!.caller.types).toEqual([]);
  await logins.update("bk_auth", { login: "bob", id: "another" });
  expect(await call!.again()).toBe(undefined);
  await logins.del("bk_auth", { login: "bob" });
  expect(await call!.again()).toBe(undefined);
  await test.call("", "/probe/anonymous", { signed: false });
  expect(await call!.again()).toBe(undefined);
});
