// The commands of backendjs, and what they are here. The command line, its tests and the guide go by this table.

/** How one was written, and how it is written now. */
export interface OldCommand {
  /** `-account-add` was an option of the shell, `stop-web` a word behind `bkjs`. */
  readonly old: string;
  /** Our words. */
  readonly now: string;
  /** Its options, and ours; `word` stands behind the words of the command, `flag` has no value. */
  readonly options?: Readonly<Record<string, OldOption>>;
  /** Names among its `name value` pairs that are options here. The other pairs become `name=value`. */
  readonly named?: readonly string[];
  /** Its words are no pairs. */
  readonly plain?: boolean;
  /** Added to the new command unless the old one has this flag. */
  readonly unless?: { readonly flag: string; readonly option: string };
  /** A command line of each kind, for tests and for people. */
  readonly example: readonly [old: string, now: string];
}

export type OldOption = { readonly as: string; readonly flag?: boolean } | "word";

const account = ["login", "secret", "name", "email", "type"];
/** A command that adds an account, with words of its example and those that they are here. */
const adding = (old: string, words: string, ours: string): OldCommand => ({
  old,
  now: "account add",
  named: account,
  options: { noscramble: { as: "", flag: true } },
  unless: { flag: "noscramble", option: "--scramble" },
  example: [`${old} ${words}`, `account add ${ours}`],
});
/** Settings that are given too come after it, and decide. */
const jobsAlone = "start --workers=0 --job-workers=1";
const table = { table: "word" } as const;
const format = { ...table, format: { as: "format" }, separator: { as: "separator" } } as const;
const force = { force: { as: "yes", flag: true } } as const;
const request: Readonly<Record<string, OldOption>> = {
  url: "word",
  login: { as: "login" },
  id: { as: "id" },
  select: { as: "select" },
  json: { as: "json", flag: true },
  header: { as: "header" },
};
const files: Readonly<Record<string, OldOption>> = {
  path: "word",
  tables: { as: "only" },
  table: { as: "only" },
  skip: { as: "skip" },
};

export const oldCommands: readonly OldCommand[] = [
  { old: "-help", now: "help", plain: true, example: ["-help", "help"] },
  { old: "-shell-help", now: "help", plain: true, example: ["-shell-help", "help"] },
  { old: "-help-config", now: "config list", plain: true, example: ["-help-config", "config list"] },
  { old: "-show-info", now: "info", plain: true, example: ["-show-info", "info"] },
  { old: "-show-args", now: "show-args", plain: true, example: ["-show-args a b", "show-args a b"] },
  { old: "-stats", now: "stats", plain: true, example: ["-stats", "stats"] },
  { old: "-log-watch", now: "logwatch", plain: true, example: ["-log-watch", "logwatch"] },
  { old: "-run-api", now: "web", plain: true, example: ["-run-api", "web"] },
  ...["-run-jobs", "-run-worker"].map((old): OldCommand => ({ old, now: jobsAlone, plain: true, example: [old, jobsAlone] })),
  { old: "-run-file", now: "run", plain: true, example: ["-run-file once.js", "run once.js"] },
  adding("-account-add", "login ann secret s city New%20York", "--login=ann --secret=s --scramble city=New York"),
  adding("-user-add", "-noscramble login ann secret s", "--login=ann --secret=s"),
  adding("-add-user", "login ann secret s", "--login=ann --secret=s --scramble"),
  adding("-login-add", "login ann secret s", "--login=ann --secret=s --scramble"),
  ...["account", "user", "login"].flatMap((kind): OldCommand[] => [
    { old: `-${kind}-get`, now: "account get", plain: true, example: [`-${kind}-get ann ben`, "account get ann ben"] },
    {
      old: `-${kind}-update`,
      now: "account update",
      named: [...account, "id"],
      example: [`-${kind}-update login ann city Rome`, "account update --login=ann city=Rome"],
    },
    {
      old: `-${kind}-del`,
      now: "account del",
      named: ["login", "id"],
      options: force,
      example: [`-${kind}-del login ann -force`, "account del --yes --login=ann"],
    },
  ]),
  {
    old: "-location-put",
    now: "location put",
    named: ["login", "id"],
    example: ["-location-put login ann latitude 1.5 longitude 2", "location put --login=ann latitude=1.5 longitude=2"],
  },
  {
    old: "-send-request",
    now: "fetch",
    options: request,
    example: ["-send-request -url /account/get -login ann id 5", "fetch /account/get --login=ann id=5"],
  },
  { old: "-fetch", now: "fetch", options: request, example: ["-fetch -url /ping", "fetch /ping"] },
  { old: "-db-get-config", now: "config rows", plain: true, example: ["-db-get-config", "config rows"] },
  { old: "-db-tables", now: "db tables", plain: true, example: ["-db-tables", "db tables"] },
  { old: "-db-create-tables", now: "db create-tables", plain: true, example: ["-db-create-tables", "db create-tables"] },
  { old: "-db-get", now: "db get", options: table, example: ["-db-get -table note id 1", "db get note id=1"] },
  {
    old: "-db-select",
    now: "db select",
    options: format,
    example: ["-db-select -table note -format csv owner ann _count 5", "db select note --format=csv owner=ann _count=5"],
  },
  { old: "-db-scan", now: "db scan", options: table, example: ["-db-scan -table note", "db scan note"] },
  { old: "-db-put", now: "db put", options: table, example: ["-db-put -table note id 1 n 2", "db put note id=1 n=2"] },
  { old: "-db-update", now: "db update", options: table, example: ["-db-update -table note id 1 n 3", "db update note id=1 n=3"] },
  { old: "-db-del", now: "db del", options: table, example: ["-db-del -table note id 1", "db del note id=1"] },
  {
    old: "-db-del-all",
    now: "db del-all",
    options: { ...table, ...force },
    example: ["-db-del-all -table note -force n 1", "db del-all note --yes n=1"],
  },
  { old: "-db-drop", now: "db drop", options: { ...table, ...force }, example: ["-db-drop -table note -force", "db drop note --yes"] },
  {
    old: "-db-backup",
    now: "db backup",
    options: { ...files, filter: { as: "filter" } },
    example: ["-db-backup -path saved -tables note,city", "db backup saved --only=note,city"],
  },
  {
    old: "-db-restore",
    now: "db restore",
    options: {
      ...files,
      op: { as: "mode" },
      drop: { as: "drop", flag: true },
      continue: { as: "skip-bad", flag: true },
    },
    example: ["-db-restore -path saved -op add -continue", "db restore saved --mode=add --skip-bad"],
  },
  {
    old: "-submit-job",
    now: "job submit",
    options: { job: "word" },
    example: ["-submit-job -job report day 5", "job submit report day=5"],
  },
  ...[
    ["run-monitor", "start"],
    ["run-master", "start"],
    ["run-server", "start"],
    ["run-backend", "start"],
    ["run-shell", "shell"],
    ["bksh", "shell"],
    ["restart-api", "restart web"],
    ["stop-api", "restart web"],
    ["stop-web", "kill web"],
    ["stop-worker", "kill worker"],
    ["stop-server", "stop"],
    ["stop-master", "stop"],
    ["bkhelp", "config list"],
    ["show-help", "config list"],
    ["args", "show-args"],
    ["init-app", "init"],
    ["demo", "init"],
    ["web-bundle", "bundle"],
    ["init-logrotate", "gen logrotate"],
    ["logwatcher", "logwatch"],
  ].map(([old, now]): OldCommand => ({ old: old!, now: now!, plain: true, example: [old!, now!] })),
];

/** What said in which role to start: here they are commands. The first one here that is given decides. */
export const oldSwitches: Readonly<Record<string, string>> = {
  shell: "shell",
  monitor: "start",
  master: "start",
  server: "start",
  web: "web",
  api: "web",
};
