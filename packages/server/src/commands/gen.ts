// `bk-server gen …`: files for those who run it, printed. Nothing on the machine is touched.

import { resolve } from "node:path";

import { BkError } from "@bk/core";

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
  readonly port: number;
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

export function genCommand({ config, home, port, host, limits }: Configuration, { with: list = "", json }: GenOptions, kind: string): void {
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
  const facts = { app: config.get("app-name"), port, host, home: resolve(home), stopSeconds, startSeconds, services: wanted as Service[] };
  const text = files[kind as Kind](facts);
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
  systemd: ({ app, home, port, host, stopSeconds, startSeconds }) => `# /etc/systemd/system/${app}.service
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
ExecStart=${home}/node_modules/.bin/bk-server --home ${home} --host ${host} --port ${port} --workers auto
# All processes are replaced by new ones, without an interruption.
ExecReload=/bin/kill -USR2 $MAINPID
WorkingDirectory=${home}
Environment=NODE_ENV=production
DynamicUser=yes
# What the server writes is in /var/lib/${app}, which it sees as the folder var of its home; that folder has to be there.
StateDirectory=${app}
BindPaths=/var/lib/${app}:${home}/var
TimeoutStartSec=${startSeconds}
WatchdogSec=60
# The primary tells its processes to end; what is left after the time is killed with all of them.
KillMode=mixed
TimeoutStopSec=${stopSeconds}
Restart=always
RestartSec=2
LimitNOFILE=65536
${port < 1024 ? "AmbientCapabilities=CAP_NET_BIND_SERVICE\n" : ""}NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=${/^\/(home|root)\//.test(home) ? "read-only" : "yes"}
PrivateTmp=yes

[Install]
WantedBy=multi-user.target
`,
  docker: ({
    port,
    stopSeconds,
  }) => `# docker build -t app . && docker run --init --stop-timeout ${stopSeconds} -p ${port}:${port} -v app-var:/app/var app
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
EXPOSE ${port}
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s CMD ["node", "-e", "fetch('http://127.0.0.1:${port}/health/ready').then((reply) => process.exit(reply.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node_modules/.bin/bk-server", "--host", "0.0.0.0", "--port", "${port}"]
`,
  compose: ({ app, port, stopSeconds, services: wanted }) => `# docker compose up
name: ${app}
services:
  app:
    build: .
    init: true
    stop_grace_period: ${stopSeconds}s
    ports: ["${port}:${port}"]
    environment:
      BK_MASTER_KEY: \${BK_MASTER_KEY:?set it to 32 characters or more}
${wanted.map((name) => `      ${services[name].setting[0]}: ${services[name].setting[1]}\n`).join("")}    volumes: ["var:/app/var"]
${wanted.length === 0 ? "" : `    depends_on:\n${wanted.map((name) => `      ${name}: { condition: ${services[name].health === undefined ? "service_started" : "service_healthy"} }\n`).join("")}`}${wanted.map(composeService).join("")}volumes:
  var:
${wanted.flatMap((name) => (services[name].volume === undefined ? [] : [`  ${name}:\n`])).join("")}`,
  k8s: ({
    app,
    port,
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
          args: ["node_modules/.bin/bk-server", "--host", "0.0.0.0", "--port", "${port}", "--drain-delay", "5s", "--log-format", "json"]
          ports: [{ containerPort: ${port} }]
          env:
            - { name: BK_MASTER_KEY, valueFrom: { secretKeyRef: { name: ${app}, key: master-key } } }
            - { name: BK_DB, valueFrom: { secretKeyRef: { name: ${app}, key: db } } }
          livenessProbe: { httpGet: { path: /health/live, port: ${port} }, periodSeconds: 10, failureThreshold: 6 }
          readinessProbe: { httpGet: { path: /health/ready, port: ${port} }, periodSeconds: 5 }
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: [ALL] } }
          resources: { requests: { cpu: 250m, memory: 256Mi }, limits: { memory: 1Gi } }
---
apiVersion: v1
kind: Service
metadata: { name: ${app} }
spec:
  selector: { app: ${app} }
  ports: [{ port: 80, targetPort: ${port} }]
`,
  pm2: ({
    app,
    port,
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
      args: ["--host", ${JSON.stringify(host)}, "--port", "${port}", "--workers", "auto"],
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

function composeService(name: Service): string {
  const { image, environment, health, volume, port } = services[name];
  const variables = Object.entries(environment);
  return `  ${name}:
    image: ${image}
    ports: ["127.0.0.1:${port}:${port}"]
${variables.length === 0 ? "" : `    environment:\n${variables.map(([key, value]) => `      ${key}: ${value}\n`).join("")}`}${health === undefined ? "" : `    healthcheck: { test: ["CMD-SHELL", "${health}"], interval: 2s, timeout: 2s, retries: 30 }\n`}${volume === undefined ? "" : `    volumes: ["${name}:${volume}"]\n`}`;
}
