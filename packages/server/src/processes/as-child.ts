// The side of a process that a supervisor started.

import type { Socket } from "node:net";

import { BkError, type LogLevel } from "@bk/core";

import type { Family } from "../metrics/family.js";
import type { TlsMaterial } from "../tls/material.js";
import { type FromWorker, type Gathered, type GatheredKind, isMessage, type ToWorker, type UpkeepTask } from "./messages.js";
import { openFiles } from "./open-files.js";

export interface AsChild {
  /** Says that it serves, and beats from now on. */
  ready(): void;
  /** Calls `take` with each connection that comes from the supervisor; false: it is not taken here, and another process gets it once this one has ended. */
  accept(take: (socket: Socket, isTls: boolean) => boolean): void;
  /** Calls `take` with what TLS is spoken with, once that is known and each time it changes. */
  onTls(take: (material: TlsMaterial) => void): void;
  send(message: FromWorker): void;
  /**
   * What all processes tell.
   *
   * @throws BkError `unavailable` when the primary does not answer
   */
  gather(kind: GatheredKind): Promise<Gathered>;
  /** Says what it has counted in all; resolves once that is on its way. */
  last(families: readonly Family[]): Promise<void>;
  /** Ends the beats. */
  close(): void;
}

export interface ChildHandlers {
  /** Finish what runs, and end. Also called when the supervisor is gone. */
  readonly drain: (why: string) => void;
  readonly reload: () => void;
  readonly logLevel: (level: LogLevel) => void;
  /** Say that nothing more is to come. */
  readonly unready?: () => void;
  /** Look after something. */
  readonly upkeep: (task: UpkeepTask) => void;
  /** What this process tells when it is asked; undefined: nothing of that kind. */
  readonly tell: (kind: GatheredKind) => Promise<unknown> | undefined;
  /** It could not be told. */
  readonly onFault: (error: unknown) => void;
}

/** How long the primary is waited for, which waits itself for the others. */
const gatherMs = 5000;

/** How long a process goes on without its supervisor. */
const orphanMs = 4000;
const orphanCheckMs = 1000;

/** Undefined where nobody supervises this process. */
export function asChild(beatMs: number, { drain, reload, logLevel, unready, tell, onFault, upkeep }: ChildHandlers): AsChild | undefined {
  if (process.send === undefined) return undefined;
  const send = (message: FromWorker): void => {
    if (process.connected) process.send!(message, () => undefined);
  };
  const asked = new Map<number, (gathered: Gathered) => void>();
  let lastAsked = 0;
  let take = (_socket: Socket, _isTls: boolean): boolean => false;
  let material: TlsMaterial | undefined;
  let takeTls = (_material: TlsMaterial): void => undefined;
  process.on("message", (message, handle) => {
    if (!isMessage(message)) return;
    const told = message as ToWorker;
    const { bk } = told;
    if (told.bk === "log-level") logLevel(told.level);
    if (told.bk === "gathered") asked.get(told.id)?.(told.gathered);
    if (told.bk === "tell") {
      const { id } = told;
      const answer = (part: unknown): void => send({ bk: "part", id, part });
      const telling = tell(told.kind);
      if (telling === undefined) answer(null);
      else telling.then(answer).catch(onFault);
    }
    if (told.bk === "tls") takeTls((material = told.material));
    if (told.bk === "connection") {
      const socket = handle as Socket | undefined;
      // None where the client left on the way. Nothing is read of it before the supervisor is told.
      if (socket === undefined || take(socket, told.isTls)) send({ bk: "taken" });
      else socket.destroy();
    }
    if (bk === "drain") drain("the supervisor");
    if (bk === "unready") unready?.();
    if (bk === "reload") reload();
    if (told.bk === "upkeep") upkeep(told.task);
  });
  let isOrphan = false;
  const orphaned = (): void => {
    if (isOrphan) return;
    isOrphan = true;
    drain("the supervisor is gone");
    // The next one may begin already.
    setTimeout(() => process.exit(1), orphanMs).unref();
  };
  process.on("disconnect", orphaned);
  // Under load a channel was seen to be gone without a word.
  const { ppid } = process;
  setInterval(() => {
    if (!process.connected || process.ppid !== ppid) orphaned();
  }, orphanCheckMs).unref();
  const beat = (): void => send({ bk: "beat", rss: process.memoryUsage.rss(), files: openFiles() });
  let timer: NodeJS.Timeout | undefined;
  return {
    ready() {
      send({ bk: "ready" });
      beat();
      timer = setInterval(beat, beatMs).unref();
    },
    accept(taking) {
      take = taking;
    },
    onTls(taking) {
      takeTls = taking;
      if (material !== undefined) taking(material);
    },
    send,
    async gather(kind) {
      const id = ++lastAsked;
      let timer: NodeJS.Timeout | undefined;
      try {
        return await new Promise<Gathered>((resolve, reject) => {
          asked.set(id, resolve);
          timer = setTimeout(() => reject(new BkError("unavailable", "the primary process does not answer")), gatherMs);
          send({ bk: "gather", id, kind });
        });
      } finally {
        clearTimeout(timer);
        asked.delete(id);
      }
    },
    last: (families) =>
      new Promise((resolve) => {
        if (process.connected) process.send!({ bk: "last", families } satisfies FromWorker, () => resolve());
        else resolve();
      }),
    close: () => clearInterval(timer),
  };
}
