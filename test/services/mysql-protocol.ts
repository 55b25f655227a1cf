import { exchange } from "./exchange.js";

const PROTOCOL_VERSION = 10;
const HEADER_BYTES = 4;

/** Whether a MySQL or MariaDB server greets on this port, which it does once it takes logins; an error packet is no greeting. */
export async function greets(port: number): Promise<boolean> {
  const version = await exchange(port, "", (reply) => reply[HEADER_BYTES]);
  return version === PROTOCOL_VERSION;
}
