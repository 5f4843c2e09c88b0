// Makes the page: build.mjs FOLDER of packages, FOLDER that gets the files. Each is compressed, and its name has the
// digest of its content: who has a file need not ask for it again. The same sources give the same bytes.
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const [packages, folder] = process.argv.slice(2).map((path) => resolve(path));
// Until all are there: who embeds what is in the folder never gets half of them.
const out = `${folder}.${process.pid}`;
const here = dirname(fileURLToPath(import.meta.url));
const { build } = createRequire(join(packages, "x.js"))("esbuild");

const result = await build({
  absWorkingDir: here,
  entryPoints: { app: "src/app.jsx" },
  outdir: "out",
  bundle: true,
  minify: true,
  write: false,
  format: "esm",
  target: ["chrome100", "firefox100", "safari15.4"],
  charset: "utf8",
  jsx: "automatic",
  jsxImportSource: "preact",
  legalComments: "none",
  nodePaths: [packages],
  logLevel: "warning",
});

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });

function put(name, text) {
  writeFileSync(join(out, `${name}.gz`), gzipSync(text, { level: 9 }));
}

function hashed(name, text) {
  const digest = createHash("sha256").update(text).digest("hex").slice(0, 12);
  const full = name.replace(/\.(\w+)$/, `.${digest}.$1`);
  put(full, text);
  return full;
}

const made = Object.fromEntries(result.outputFiles.map((f) => [f.path.split(".").pop(), f.text]));
const licences = ["preact", "uplot"]
  .map((name) => {
    const file = readdirSync(join(packages, name)).find((f) => /^licen[cs]e/i.test(f));
    const { version, description } = JSON.parse(readFileSync(join(packages, name, "package.json"), "utf8"));
    return `${name} ${version}: ${description}\n\n${readFileSync(join(packages, name, file), "utf8").trim()}\n`;
  })
  .join("\n\n");
const icon = readFileSync(join(here, "src/icon.svg"), "utf8");
put(
  "index.html",
  readFileSync(join(here, "src/index.html"), "utf8")
    .replace("app.css", hashed("app.css", made.css))
    .replace("app.js", hashed("app.js", made.js))
    .replace("icon.svg", hashed("icon.svg", icon))
    .replace("licences.txt", hashed("licences.txt", licences)),
);
rmSync(folder, { recursive: true, force: true });
renameSync(out, folder);
