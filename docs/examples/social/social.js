// All that the page asks of the server.

import { scrambleSecret, signRequest, signUrl } from "@bk/auth/client";

const server = "http://127.0.0.1:8000";

/** Makes an account. What was typed stays here: the server gets a key that is made of it. */
export async function signUp(login, typed, name) {
  const body = JSON.stringify({ login, secret: await scrambleSecret(login, typed), name });
  const headers = { "content-type": "application/json" };
  return answerOf(await fetch(`${server}/account/add`, { method: "POST", headers, body }));
}

/** What an account can do. Whether login and secret are right, `me()` tells. */
export async function openAccount(login, typed) {
  const secret = await scrambleSecret(login, typed);

  /** A signed request: with values as JSON by POST, else by GET. */
  async function call(path, values) {
    const url = server + path;
    const method = values === undefined ? "GET" : "POST";
    const body = values === undefined ? undefined : JSON.stringify(values);
    return answerOf(await fetch(url, { method, body, headers: await signRequest({ method, url, body, login, secret }) }));
  }

  /** An address that is signed itself, for what cannot have headers. */
  const signed = (path) => signUrl({ url: server + path, login, secret });

  const people = async (path) => (await call(path)).data;

  return {
    me: () => call("/account/get"),
    find: (name) => people(`/account/search?name=${encodeURIComponent(name)}`),

    putIcon: (icon) => call("/account/put/icon", { icon, acl_allow: "auth", _width: -128 }),
    /** The address of somebody's icon for an `<img>`. */
    iconUrl: (id) => signed(`/account/get/icon?id=${id}`),

    /** Whom the account has asked, and who has asked the account: friends are those in both lists. */
    asked: () => people("/connection/select?type=friend&_count=100"),
    askedBy: () => people("/reference/select?type=friend&_count=100"),
    befriend: (peer) => call("/connection/put", { peer, type: "friend" }),

    send: (id, msg) => call("/message/add", { id, msg }),
    /** The last messages from and to somebody, the oldest first. */
    async conversation(peer) {
      const [theirs, own] = await Promise.all([
        people(`/message/get?sender=${peer}&_desc=1`),
        people(`/message/get/sent?recipient=${peer}&_desc=1`),
      ]);
      await call("/message/read", { sender: peer });
      return [...theirs, ...own].sort((a, b) => a.mtime - b.mtime);
    },

    async near(latitude, longitude) {
      await call("/location/put", { latitude, longitude });
      return people(`/location/get?latitude=${latitude}&longitude=${longitude}&distance=20`);
    },

    /**
     * Hears of what others do.
     *
     * @param onOpen  called whenever the stream has opened, also after a break: what happened before is in the lists
     */
    async listen(onEvent, onOpen) {
      const source = new EventSource(await signed("/account/subscribe"));
      source.onopen = onOpen;
      source.onmessage = ({ data }) => onEvent(JSON.parse(data));
      // By itself it would come back with the same address, whose signature is too old by then.
      source.onerror = () => {
        source.close();
        setTimeout(() => this.listen(onEvent, onOpen), 1000);
      };
    },
  };
}

async function answerOf(response) {
  const answer = await response.json();
  if (!response.ok) throw Object.assign(new Error(answer.message), answer);
  return answer;
}
