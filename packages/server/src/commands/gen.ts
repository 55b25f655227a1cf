// `bk-server gen …`: files for those who run it, printed. Nothing on the machine is touched.

import { resolve } from "node:path";

import { BkError } from "@bk/core";

import { environmentName } from "../config/define-config.js";
import type { Place } from "../processes/ports.js";
import type { Configuration } from "../settings/configuration.js";
import { type JsonOption, tell } from "./output.js";

export const generated = ["systemd", "docker", "compose", "k8s", "pm2", "logrotate"] as const;
type Kind = (typeof generated)[number];

export interface GenOptions extends JsonOption {
  /** Services beside the app, for compose. */
  readonly with?: string;
}

/** What the files say of the configuration. */
interface Facts {
  readonly app: string;
  /** The options that say where it listens. */
  readonly options: readonly string[];
  /** The ports that it listens at. */
  readonly ports: readonly number[];
  /** The one that health checks ask at: that without TLS, where there is one. */
  readonly asked: Place;
  /** The files that TLS is spoken with, by their settings. */
  readonly tls: Readonly<Record<string, string>>;
  /** Where the settings have it listen. */
  readonly host: string;
  /** Absolute. */
  readonly home: string;
  /** Seconds that the server may take to end. */
  readonly stopSeconds: number;
  /** Seconds that it may take until it serves. */
  readonly startSeconds: number;
  readonly services: readonly Service[];
}

type Service = keyof typeof services;

export function genCommand(
  { config, home, places, host, limits }: Configuration,
  { with: list = "", json }: GenOptions,
  kind: string,
): void {
  if (!generated.some((each) => each === kind))
    throw new BkError("invalid", `there are ${generated.join(", ")}`, { detail: { field: "kind" } });
  const wanted = list.split(",").flatMap((name) => (name.trim() === "" ? [] : [name.trim()]));
  const unknown = wanted.find((name) => !Object.hasOwn(services, name));
  if (unknown !== undefined)
    throw new BkError("invalid", `--with: there is no ${unknown}; there are ${Object.keys(services).join(", ")}`, {
      detail: { field: "with" },
    });
  const settings = wanted.map((name) => services[name as Service].setting[0]);
  if (new Set(settings).size < settings.length) throw new BkError("invalid", "--with: name one database", { detail: { field: "with" } });
  const stopSeconds = Math.ceil((limits.shutdownMs + config.get("drain-delay")) / 1000) + 10;
  // A process that takes too long is told first.
  const startSeconds = Math.max(90, Math.ceil(config.get("ready-timeout") / 1000) + 10);
  const text = files[kind as Kind]({
    app: config.get("app-name"),
    options: places.flatMap(({ port, isTls }) => [isTls ? "--tls-port" : "--port", String(port)]),
    ports: places.map(({ port }) => port),
    asked: places.at(-1)!,
    tls: Object.fromEntries(
      (["tls-cert", "tls-key", "tls-pfx"] as const).flatMap((name) => (config.has(name) ? [[name, config.get(name)!]] : [])),
    ),
    host,
    home: resolve(home),
    stopSeconds,
    startSeconds,
    services: wanted as Service[],
  });
  tell({ json }, { kind, text }, text.replace(/\n$/, ""));
}

/** Images and URLs of services for development. */
const services = {
  postgres: {
    image: "postgres:17",
    port: 5432,
    environment: { POSTGRES_PASSWORD: "dev", POSTGRES_DB: "app" },
    health: "pg_isready -U postgres",
    setting: ["BK_DB", "postgres://postgres:dev@postgres/app"],
    volume: "/var/lib/postgresql/data",
  },
  mysql: {
    image: "mysql:8",
    port: 3306,
    environment: { MYSQL_ROOT_PASSWORD: "dev", MYSQL_DATABASE: "app" },
    health: "mysqladmin ping -uroot -pdev",
    setting: ["BK_DB", "mysql://root:dev@mysql/app"],
    volume: "/var/lib/mysql",
  },
  redis: {
    image: "redis:7",
    port: 6379,
    environment: {},
    health: "redis-cli ping",
    setting: ["BK_CACHE", "redis://redis"],
    volume: "/data",
  },
  nats: { image: "nats:2", port: 4222, environment: {}, health: undefined, setting: ["BK_BUS", "nats://nats"], volume: undefined },
} as const;

const files: Readonly<Record<Kind, (facts: Facts) => string>> = {
  systemd: ({ app, home, options, ports, host, tls, stopSeconds, startSeconds }) => `# /etc/systemd/system/${app}.service
# The server has a user of its own, who is there while it runs. Commands that use its files run like it:
#   systemd-run --quiet --pipe --wait -p DynamicUser=yes -p User=${app} -p StateDirectory=${app} -p BindPaths=/var/lib/${app}:${home}/var \\
#     -p WorkingDirectory=${home} ${home}/node_modules/.bin/bk-server account add --login me
[Unit]
Description=${app}
After=network-online.target
Wants=network-online.target

[Service]
Type=notify
# What tells systemd is the program systemd-notify.
NotifyAccess=all
ExecStart=${home}/node_modules/.bin/bk-server --home ${home} --host ${host} ${options.join(" ")} --workers auto
# All processes are replaced by new ones, without an interruption.
ExecReload=/bin/kill -USR2 $MAINPID
WorkingDirectory=${home}
Environment=NODE_ENV=production
${systemdFiles(tls)}DynamicUser=yes
# What the server writes is in /var/lib/${app}, which it sees as the folder var of its home; that folder has to be there.
StateDirectory=${app}
BindPaths=/var/lib/${app}:${home}/var
# For --log-file /var/log/${app}/${app}.log, which bk-server gen logrotate rotates.
LogsDirectory=${app}
TimeoutStartSec=${startSeconds}
WatchdogSec=60
# The primary tells its processes to end; what is left after the time is killed with all of them.
KillMode=mixed
TimeoutStopSec=${stopSeconds}
Restart=always
RestartSec=2
LimitNOFILE=65536
${ports.some((port) => port < 1024) ? "AmbientCapabilities=CAP_NET_BIND_SERVICE\n" : ""}NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=${/^\/(home|root)\//.test(home) ? "read-only" : "yes"}
PrivateTmp=yes

[Install]
WantedBy=multi-user.target
`,
  docker: ({
    options,
    ports,
    asked,
    stopSeconds,
  }) => `# docker build -t app . && docker run --init --stop-timeout ${stopSeconds} ${ports.map((port) => `-p ${port}:${port}`).join(" ")} -v app-var:/app/var app
# Keep node_modules, var and .git out of it by .dockerignore.
FROM node:22-bookworm-slim AS build
WORKDIR /app
COPY package*.json ./
RUN npm ci
COPY . .
RUN npm run build --if-present && npm prune --omit=dev

FROM node:22-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build --chown=node:node /app /app
RUN mkdir -p var && chown node:node var
USER node
EXPOSE ${ports.join(" ")}
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s CMD ["node", "-e", "${healthCheck(asked)}"]
CMD ${JSON.stringify(["node_modules/.bin/bk-server", "--host", "0.0.0.0", ...options]).replaceAll(",", ", ")}
`,
  compose: ({ app, ports, stopSeconds, services: wanted }) => `# docker compose up
name: ${app}
services:
  app:
    build: .
    init: true
    stop_grace_period: ${stopSeconds}s
    ports: [${ports.map((port) => `"${port}:${port}"`).join(", ")}]
    environment:
      BK_MASTER_KEY: \${BK_MASTER_KEY:?set it to 32 characters or more}
${wanted.map((name) => `      ${services[name].setting[0]}: ${services[name].setting[1]}\n`).join("")}    volumes: ["var:/app/var"]
${wanted.length === 0 ? "" : `    depends_on:\n${wanted.map((name) => `      ${name}: { condition: ${services[name].health === undefined ? "service_started" : "service_healthy"} }\n`).join("")}`}${wanted.map(composeService).join("")}volumes:
  var:
${wanted.flatMap((name) => (services[name].volume === undefined ? [] : [`  ${name}:\n`])).join("")}`,
  k8s: ({
    app,
    options,
    ports,
    asked,
    tls,
    stopSeconds,
  }) => `# kubectl create secret generic ${app} --from-literal=master-key=… --from-literal=db=postgres://… && kubectl apply -f -
apiVersion: apps/v1
kind: Deployment
metadata: { name: ${app} }
spec:
  replicas: 2
  selector: { matchLabels: { app: ${app} } }
  strategy: { rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } }
  template:
    metadata: { labels: { app: ${app} } }
    spec:
      terminationGracePeriodSeconds: ${stopSeconds}
      securityContext: { runAsNonRoot: true, runAsUser: 1000, fsGroup: 1000 }
      containers:
        - name: ${app}
          image: ${app}:latest
          # Kubernetes takes a moment until it sends nothing more.
          args: ${JSON.stringify(["node_modules/.bin/bk-server", "--host", "0.0.0.0", ...options, ...k8sTls(tls), "--drain-delay", "5s", "--log-format", "json"]).replaceAll(",", ", ")}
          ports: [${ports.map((port) => `{ containerPort: ${port} }`).join(", ")}]
          env:
            - { name: BK_MASTER_KEY, valueFrom: { secretKeyRef: { name: ${app}, key: master-key } } }
            - { name: BK_DB, valueFrom: { secretKeyRef: { name: ${app}, key: db } } }
          livenessProbe: { httpGet: { path: /health/live, port: ${asked.port}${asked.isTls ? ", scheme: HTTPS" : ""} }, periodSeconds: 10, failureThreshold: 6 }
          readinessProbe: { httpGet: { path: /health/ready, port: ${asked.port}${asked.isTls ? ", scheme: HTTPS" : ""} }, periodSeconds: 5 }
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: [ALL] } }
          resources: { requests: { cpu: 250m, memory: 256Mi }, limits: { memory: 1Gi } }
${k8sSecret(app, tls)}---
apiVersion: v1
kind: Service
metadata: { name: ${app} }
spec:
  selector: { app: ${app} }
  ports: [${k8sPorts(ports, tls)}]
`,
  pm2: ({
    app,
    options,
    host,
    home,
    stopSeconds,
  }) => `// ecosystem.config.cjs: pm2 start ecosystem.config.cjs. One instance: the server starts its own processes, and replaces them at
// pm2 sendSignal SIGUSR2 ${app}, without an interruption.
module.exports = {
  apps: [
    {
      name: ${JSON.stringify(app)},
      cwd: ${JSON.stringify(home)},
      script: "node_modules/.bin/bk-server",
      args: ${JSON.stringify(["--host", host, ...options, "--workers", "auto"]).replaceAll(",", ", ")},
      env: { NODE_ENV: "production" },
      kill_timeout: ${stopSeconds * 1000},
      treekill: false,
    },
  ],
};
`,
  logrotate: ({
    app,
  }) => `# /etc/logrotate.d/${app}, for a server with --log-file /var/log/${app}/${app}.log: systemd and Docker rotate what goes to standard error
/var/log/${app}/*.log {
    daily
    rotate 30
    compress
    delaycompress
    missingok
    notifempty
    sharedscripts
    postrotate
        systemctl kill --kill-whom=main --signal=HUP ${app}.service
    endscript
}
`,
};

/** JavaScript that ends with 0 when the server is ready. Its certificate is for a name, and this is an address. */
const healthCheck = ({ port, isTls }: Place): string =>
  isTls
    ? `require('https').get({ port: ${port}, path: '/health/ready', rejectUnauthorized: false }, (reply) => process.exit(reply.statusCode === 200 ? 0 : 1)).on('error', () => process.exit(1))`
    : `fetch('http://127.0.0.1:${port}/health/ready').then((reply) => process.exit(reply.ok ? 0 : 1), () => process.exit(1))`;

/** The files for a user who may not read them otherwise. */
function systemdFiles(tls: Facts["tls"]): string {
  const lines = Object.entries(tls).map(
    ([name, file]) => `LoadCredential=${name}:${file}\nEnvironment=${environmentName(name)}=%d/${name}\n`,
  );
  if (lines.length === 0) return "";
  return `# Read as root at each start: after a renewal systemctl restart. Files that the service may read itself are read again when they change.\n${lines.join("")}`;
}

/** A secret of the kind kubernetes.io/tls has both files. */
const k8sTls = (tls: Facts["tls"]): string[] =>
  tls["tls-cert"] === undefined ? [] : ["--tls-cert", "/etc/tls/tls.crt", "--tls-key", "/etc/tls/tls.key"];

const k8sSecret = (app: string, tls: Facts["tls"]): string =>
  tls["tls-cert"] === undefined
    ? ""
    : `          volumeMounts: [{ name: tls, mountPath: /etc/tls, readOnly: true }]
      volumes: [{ name: tls, secret: { secretName: ${app}-tls, defaultMode: 0440 } }]
`;

/** As clients know them: 443 for the one with TLS, which is the first, and 80. */
const k8sPorts = (ports: readonly number[], tls: Facts["tls"]): string =>
  (Object.keys(tls).length === 0 ? [80] : [443, 80].slice(0, ports.length))
    .map((port, i) => `{ ${ports.length > 1 ? `name: ${port === 443 ? "https" : "http"}, ` : ""}port: ${port}, targetPort: ${ports[i]} }`)
    .join(", ");

function composeService(name: Service): string {
  const { image, environment, health, volume, port } = services[name];
  const variables = Object.entries(environment);
  return `  ${name}:
    image: ${image}
    ports: ["127.0.0.1:${port}:${port}"]
${variables.length === 0 ? "" : `    environment:\n${variables.map(([key, value]) => `      ${key}: ${value}\n`).join("")}`}${health === undefined ? "" : `    healthcheck: { test: ["CMD-SHELL", "${health}"], interval: 2s, timeout: 2s, retries: 30 }\n`}${volume === undefined ? "" : `    volumes: ["${name}:${volume}"]\n`}`;
}
