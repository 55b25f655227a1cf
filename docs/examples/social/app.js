import { openAccount, signUp } from "./social.js";

const $ = (selector) => document.querySelector(selector);
let account;
let me;
let peer;

const tell = (error) => ($("output").value = error.message);

/** Does what a person asks for, and tells what went wrong. */
const doing = (work) => (event) => {
  event.preventDefault();
  $("output").value = "";
  work(event).catch(tell);
};

/** Reads and shows. Replies may come in another order: what was asked for last is shown. */
function newest(read, show) {
  let last = 0;
  return async () => {
    const own = ++last;
    const found = await read();
    if (own === last) show(found);
  };
}

/** Texts of others become text, never HTML. */
function item(text, action, onclick) {
  const entry = document.createElement("li");
  entry.append(text);
  if (action !== undefined) {
    const button = document.createElement("button");
    button.textContent = action;
    button.onclick = doing(onclick);
    entry.append(" ", button);
  }
  return entry;
}

// 1. Sign up, log in

$("#enter").onsubmit = doing(async ({ target, submitter }) => {
  const { login, secret, name } = Object.fromEntries(new FormData(target));
  if (submitter.value === "up") await signUp(login, secret, name);
  const opened = await openAccount(login, secret);
  me = await opened.me();
  account = opened;
  $("h1").textContent = me.name;
  await account.listen(
    (event) => hear(event).catch(tell),
    () => refresh().catch(tell),
  );
  target.hidden = true;
  $("main").hidden = false;
});

async function refresh() {
  await showFriends();
  if (peer !== undefined) await showChat();
}

async function hear({ path, sender }) {
  if (path.startsWith("/connection/")) await showFriends();
  if (path === "/message/add" && sender === peer?.id) await showChat();
}

// 2. An icon

$("#icon").onchange = doing(async ({ target }) => {
  const bytes = new Uint8Array(await target.files[0].arrayBuffer());
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  await account.putIcon(btoa(binary));
  $("h1").replaceChildren(await iconOf(me.id), me.name);
});

async function iconOf(id) {
  const image = document.createElement("img");
  image.alt = "";
  // Not everybody has one.
  image.onerror = () => image.remove();
  image.src = await account.iconUrl(id);
  return image;
}

// 3. Friends

$("#search").onsubmit = doing(async ({ target }) => {
  const people = await account.find(target.elements.name.value);
  const others = people.filter(({ id }) => id !== me.id);
  $("#found").replaceChildren(...others.map(({ id, name }) => item(name, "Add", () => befriend(id))));
});

async function befriend(id) {
  await account.befriend(id);
  await showFriends();
}

const showFriends = newest(
  () => Promise.all([account.asked(), account.askedBy()]),
  ([asked, askedBy]) => {
    const isIn = (rows, person) => rows.some((row) => row.peer === person.peer);
    $("#friends").replaceChildren(
      ...askedBy.map((person) =>
        isIn(asked, person) ? friend(person) : item(`${person.name} asks`, "Accept", () => befriend(person.peer)),
      ),
      ...asked.filter((person) => !isIn(askedBy, person)).map(({ name }) => item(`${name} was asked`)),
    );
  },
);

function friend({ peer: id, name }) {
  const entry = item(name, "Chat", () => openChat({ id, name }));
  iconOf(id).then((image) => entry.prepend(image), tell);
  return entry;
}

// 4. Messages, live

async function openChat(person) {
  peer = person;
  $("#chat").hidden = false;
  $("#chat h2").textContent = person.name;
  await showChat();
}

const showChat = newest(
  () => account.conversation(peer.id),
  (messages) => {
    $("#chat ol").replaceChildren(...messages.map(({ msg, sender }) => item(`${sender === undefined ? me.name : peer.name}: ${msg}`)));
  },
);

$("#chat form").onsubmit = doing(async ({ target }) => {
  await account.send(peer.id, target.elements.msg.value);
  target.reset();
  await showChat();
});

// 5. Who is near

$("#locate").onclick = doing(async () => {
  const { coords } = await new Promise((resolve, reject) => navigator.geolocation.getCurrentPosition(resolve, reject));
  const people = await account.near(coords.latitude, coords.longitude);
  $("#near").replaceChildren(...people.map(({ name, distance }) => item(`${name}: about ${distance} km`)));
});
