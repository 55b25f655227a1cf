// How far a long job is: a bar on a terminal, a line every few seconds elsewhere. On standard error, for people.

export interface Progress {
  /** @param part  0 to 1 where it is known */
  update(rows: number, part: number | undefined): void;
  end(): void;
}

const barMs = 100;
const lineMs = 5000;
const barWidth = 30;

export function showProgress(title: string, output: NodeJS.WriteStream = process.stderr): Progress {
  const startMs = performance.now();
  const everyMs = output.isTTY ? barMs : lineMs;
  let shownMs = startMs;
  let isOpen = false;
  return {
    update(rows, part) {
      const now = performance.now();
      if (now - shownMs < everyMs) return;
      shownMs = now;
      const perSecond = Math.round((rows / (now - startMs)) * 1000);
      const percent = part === undefined ? "" : ` ${String(Math.floor(part * 100)).padStart(3)} %`;
      const text = `${rows.toLocaleString("en")} rows, ${perSecond.toLocaleString("en")} a second`;
      if (!output.isTTY) return void output.write(`${title}:${percent} ${text}\n`);
      const filled = part === undefined ? 0 : Math.round(part * barWidth);
      const bar = part === undefined ? "" : ` [${"#".repeat(filled)}${" ".repeat(barWidth - filled)}]`;
      output.write(`\r\u001b[K${title}${bar}${percent} ${text}`);
      isOpen = true;
    },
    end() {
      if (isOpen) output.write("\r\u001b[K");
      isOpen = false;
    },
  };
}
