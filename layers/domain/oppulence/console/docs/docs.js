"use strict";
// Draws /v1/openapi.json. All text goes in by textContent: nothing of the document is ever read as HTML.

const $ = (id) => document.getElementById(id);
const METHODS = ["get", "post", "put", "patch", "delete"];
const DEPTH = 6;
let spec;

function el(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== undefined && child !== null && child !== ""));
  return node;
}

function resolve(node) {
  while (node && node.$ref) node = node.$ref.slice(2).split("/").reduce((at, key) => at[key], spec);
  return node || {};
}

// `code` in descriptions becomes a code element; a blank line a paragraph; a dash a list item.
function prose(text) {
  const box = el("div");
  for (const block of (text || "").split(/\n\s*\n/)) {
    const items = block.split("\n").filter((line) => line.startsWith("- "));
    if (items.length) box.append(el("ul", {}, ...items.map((line) => el("li", {}, ...inline(line.slice(2))))));
    else if (block.trim()) box.append(el("p", {}, ...inline(block)));
  }
  return box;
}

function inline(text) {
  return text.split("`").map((part, n) => (n % 2 ? el("code", {}, part) : part));
}

function typeName(schema) {
  if (schema.$ref) { const found = resolve(schema); return found.enum ? typeName(found) : schema.$ref.split("/").pop(); }
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  for (const key of ["anyOf", "oneOf", "allOf"]) if (schema[key]) return schema[key].map(typeName).join(key === "allOf" ? " & " : " | ");
  if (schema.type === "array") return `array of ${typeName(schema.items || {})}`;
  if (schema.additionalProperties && schema.type === "object" && !schema.properties)
    return `object of ${typeName(schema.additionalProperties === true ? {} : schema.additionalProperties)}`;
  return (schema.type || "any") + (schema.format ? ` (${schema.format})` : "");
}

function limits(schema) {
  const found = [];
  const names = { minLength: "length from", maxLength: "length to", minimum: "from", maximum: "to", exclusiveMinimum: "above",
    exclusiveMaximum: "below", pattern: "pattern", minItems: "items from", maxItems: "items to", default: "default" };
  for (const [key, words] of Object.entries(names)) if (schema[key] !== undefined && schema[key] !== null) found.push(`${words} ${typeof schema[key] === "object" ? JSON.stringify(schema[key]) : schema[key]}`);
  return found.join(", ");
}

function branches(schema) {
  const found = resolve(schema);
  if (found.properties) return [found];
  const many = found.anyOf || found.oneOf || found.allOf;
  if (many) return many.flatMap(branches);
  if (found.items) return branches(found.items);
  if (found.additionalProperties && found.additionalProperties !== true) return branches(found.additionalProperties);
  return [];
}

function fields(schema, depth) {
  const box = el("div");
  for (const part of branches(schema)) {
    const required = new Set(part.required || []);
    const table = el("table", {}, el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Field"), el("th", { scope: "col" }, "Type"),
      el("th", { scope: "col" }, "Meaning"))));
    const body = el("tbody");
    for (const [name, raw] of Object.entries(part.properties)) {
      const found = resolve(raw);
      const meaning = el("td", {}, prose(raw.description || found.description), el("span", { class: "dim" }, limits({ ...found, ...raw })));
      if (depth > 0 && branches(raw).length)
        meaning.append(el("details", {}, el("summary", {}, `fields of ${name}`), el("div", { class: "nested" }, fields(raw, depth - 1))));
      body.append(el("tr", {}, el("td", {}, el("code", {}, name), required.has(name) ? el("span", { class: "required" }, " required") : ""),
        el("td", {}, el("code", {}, typeName(raw))), meaning));
    }
    table.append(body);
    box.append(table);
  }
  return box;
}

function example(schema, depth) {
  const found = resolve(schema);
  if (schema.examples || found.examples) return (schema.examples || found.examples)[0];
  if (found.default !== undefined && found.default !== null) return found.default;
  if (found.const !== undefined) return found.const;
  if (found.enum) return found.enum[0];
  const many = found.anyOf || found.oneOf;
  if (many) return example(many.find((one) => one.type !== "null") || many[0], depth);
  if (depth <= 0) return null;
  if (found.properties)
    return Object.fromEntries(Object.entries(found.properties)
      .filter(([name]) => (found.required || []).includes(name)).map(([name, one]) => [name, example(one, depth - 1)]));
  switch (found.type) {
    case "array": return [example(found.items || {}, depth - 1)];
    case "object": return {};
    case "integer": case "number": return found.minimum || 0;
    case "boolean": return false;
    case "string": return { "date-time": "2026-01-31T12:00:00Z", date: "2026-01-31", email: "name@example.com" }[found.format] || "…";
  }
  return null;
}

function quote(text) { return `'${text.replaceAll("'", "'\\''")}'`; }

function curl(path, method, operation) {
  const lines = [`curl ${method === "get" ? "" : `-X ${method.toUpperCase()} `}${quote(location.origin + path)}`];
  if (operation.security && operation.security.length) lines.push(`-H "Authorization: Bearer $OPPULENCE_API_KEY"`);
  if ((operation.parameters || []).some((one) => resolve(one).name === "Idempotency-Key" && resolve(one).required))
    lines.push(`-H "Idempotency-Key: $(uuidgen)"`);
  const schema = operation.requestBody?.content?.["application/json"]?.schema;
  if (schema) lines.push(`-H 'Content-Type: application/json'`, `-d ${quote(JSON.stringify(example(schema, DEPTH)))}`);
  return lines.join(" \\\n  ");
}

function parametersTable(operation) {
  const rows = (operation.parameters || []).map(resolve);
  if (!rows.length) return "";
  return el("div", {}, el("h4", {}, "Parameters"), el("table", {}, el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Name"),
    el("th", { scope: "col" }, "In"), el("th", { scope: "col" }, "Type"), el("th", { scope: "col" }, "Meaning"))),
  el("tbody", {}, ...rows.map((one) => el("tr", {}, el("td", {}, el("code", {}, one.name),
    one.required ? el("span", { class: "required" }, " required") : ""), el("td", {}, one.in), el("td", {}, el("code", {}, typeName(one.schema))),
    el("td", {}, prose(one.description || resolve(one.schema).description), el("span", { class: "dim" }, limits(resolve(one.schema)))))))));
}

function responses(operation) {
  const box = el("div", {}, el("h4", {}, "Answers"));
  for (const [status, raw] of Object.entries(operation.responses)) {
    const found = resolve(raw);
    const schema = found.content?.["application/json"]?.schema;
    box.append(el("details", { open: status < "300" }, el("summary", {}, el("code", {}, status), ` ${found.description.split("\n")[0]}`),
      el("div", { class: "nested" }, prose(found.description.split("\n").slice(1).join("\n")), schema && status < "400" ? fields(schema, DEPTH) : "")));
  }
  return box;
}

function tryForm(path, method, operation, id) {
  const inputs = [];
  const output = el("pre", { tabindex: "0", "aria-live": "polite", hidden: true });
  const form = el("form", { onsubmit: (event) => { event.preventDefault(); send(); } });
  for (const one of (operation.parameters || []).map(resolve)) {
    const field = `${id}-${one.name}`;
    const input = el("input", { id: field, class: "mono", required: one.required, autocomplete: "off", spellcheck: "false" });
    inputs.push([one, input]);
    form.append(el("label", { for: field }, `${one.name} (${one.in})`), input);
  }
  const schema = operation.requestBody?.content?.["application/json"]?.schema;
  const body = operation.requestBody ? el("textarea", { id: `${id}-body`, spellcheck: "false" }) : null;
  if (body) {
    body.value = schema ? JSON.stringify(example(schema, DEPTH), null, 2) : "";
    form.append(el("label", { for: `${id}-body` }, "Body"), body);
  }
  form.append(el("p", {}, el("button", { class: "go", type: "submit" }, `Send ${method.toUpperCase()}`)), output);

  async function send() {
    const headers = {};
    const query = new URLSearchParams();
    let target = path;
    for (const [one, input] of inputs) {
      if (!input.value) continue;
      if (one.in === "path") target = target.replace(`{${one.name}}`, encodeURIComponent(input.value));
      else if (one.in === "query") query.append(one.name, input.value);
      else headers[one.name] = input.value;
    }
    if ($("key").value && operation.security && operation.security.length) headers.Authorization = `Bearer ${$("key").value}`;
    if (body) headers["Content-Type"] = "application/json";
    output.hidden = false;
    output.textContent = "…";
    const began = performance.now();
    try {
      const answer = await fetch(target + (query.size ? `?${query}` : ""), { method: method.toUpperCase(), headers, body: body ? body.value : undefined });
      const text = await answer.text();
      let shown = text;
      try { shown = JSON.stringify(JSON.parse(text), null, 2); } catch { /* not JSON: shown as it came */ }
      output.textContent = `${answer.status} in ${Math.round(performance.now() - began)} ms\n${answer.headers.get("x-request-id") || ""}\n\n${shown}`;
    } catch (error) {
      output.textContent = `No answer: ${error.message}`;
    }
  }
  return el("details", { class: "try" }, el("summary", {}, "Try it"), form);
}

function article(path, method, operation) {
  const id = operation.operationId;
  const schema = operation.requestBody?.content?.["application/json"]?.schema;
  return el("article", { id, "data-text": `${id} ${method} ${path} ${operation.summary} ${operation.tags}`.toLowerCase(), "aria-labelledby": `${id}-title` },
    el("h3", { id: `${id}-title` }, operation.summary),
    el("p", { class: "route" }, el("span", { class: `method ${method}` }, method.toUpperCase()), el("code", {}, path)),
    prose(operation.description), parametersTable(operation),
    schema ? el("div", {}, el("h4", {}, "Body"), fields(schema, DEPTH)) : "", responses(operation),
    el("h4", {}, "curl"), el("pre", { tabindex: "0" }, curl(path, method, operation)), tryForm(path, method, operation, id));
}

function draw() {
  $("intro").append(prose(spec.info.summary), prose(spec.info.description), el("p", { class: "dim" }, `Version ${spec.info.version}`),
    el("details", {}, el("summary", {}, "The body of every error"), el("div", { class: "nested" }, fields(spec.components.schemas.Error, DEPTH))));
  for (const tag of spec.tags) {
    const section = el("section", { "aria-label": tag.name }, el("h2", {}, tag.name));
    const list = el("ul");
    for (const [path, methods] of Object.entries(spec.paths))
      for (const method of METHODS.filter((name) => methods[name]?.tags.includes(tag.name))) {
        const operation = methods[method];
        section.append(article(path, method, operation));
        list.append(el("li", { "data-for": operation.operationId }, el("a", { href: `#${operation.operationId}` },
          el("span", { class: `method ${method}` }, method.toUpperCase()), ` ${path}`)));
      }
    $("operations").append(section);
    $("nav").append(el("div", {}, el("h2", {}, tag.name), list));
  }
  if (location.hash) document.querySelector(CSS.escape ? `#${CSS.escape(location.hash.slice(1))}` : location.hash)?.scrollIntoView();
}

function search() {
  const words = $("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const one of document.querySelectorAll("article")) {
    one.hidden = !words.every((word) => one.dataset.text.includes(word));
    document.querySelector(`[data-for="${one.id}"]`).hidden = one.hidden;
    shown += !one.hidden;
  }
  for (const group of [...document.querySelectorAll("section"), ...$("nav").children])
    group.hidden = !group.querySelector("article:not([hidden]), li:not([hidden])");
  $("status").textContent = words.length ? `${shown} routes found` : `${shown} routes`;
}

function theme(dark) {
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  $("theme").textContent = dark ? "Light" : "Dark";
  $("theme").setAttribute("aria-pressed", String(dark));
}

async function main() {
  const kept = localStorage.getItem("theme");
  theme(kept ? kept === "dark" : matchMedia("(prefers-color-scheme: dark)").matches);
  $("theme").addEventListener("click", () => {
    const dark = document.documentElement.dataset.theme !== "dark";
    localStorage.setItem("theme", dark ? "dark" : "light");
    theme(dark);
  });
  $("key").value = sessionStorage.getItem("key") || "";
  $("key").addEventListener("input", () => sessionStorage.setItem("key", $("key").value));
  $("search").addEventListener("input", search);
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !/INPUT|TEXTAREA/.test(document.activeElement.tagName)) { event.preventDefault(); $("search").focus(); }
  });
  const answer = await fetch("/v1/openapi.json");
  if (!answer.ok) throw new Error(`/v1/openapi.json answered ${answer.status}`);
  spec = await answer.json();
  draw();
  search();
}

main().catch((error) => { $("status").textContent = `The reference could not be loaded: ${error.message}`; });
