// Providers' own libraries against a running hookweir, in both directions: what they sign is taken,
// what was changed since is not; what `hookweir send` signs, they take.
//
// HOOKWEIR_BINARY is the program; `tests/run clients` sets it.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { sign as githubSign, verify as githubVerify } from "@octokit/webhooks-methods";
import { Webhook as StandardWebhook } from "standardwebhooks";
import Stripe from "stripe";
import { Webhook as SvixWebhook } from "svix";

const require = createRequire(import.meta.url);
const twilio = require("twilio");
const { verifySlackRequest } = require("@slack/bolt");
const { createHmac } = await import("node:crypto");

const binary = process.env.HOOKWEIR_BINARY;
assert.ok(binary, "HOOKWEIR_BINARY names the program");
const stripe = new Stripe("sk_test_none");

const secrets = {
  github: "It's a Secret to Everybody",
  stripe: "whsec_test_secret",
  svix: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
  standard_webhooks: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
  twilio: "12345678901234567890123456789012",
  slack: "8f742231b10e8888abcd99yyyzzz85a5",
};
const publicUrl = "https://hooks.example.com";
const json = { "Content-Type": "application/json" };
const form = { "Content-Type": "application/x-www-form-urlencoded" };
const body = JSON.stringify({ type: "thing.happened", name: "Zoë", data: { id: 1 } });
const now = () => Math.floor(Date.now() / 1000);

// What each library makes of a body: headers.
const signers = {
  github: async (body) => ({ "X-Hub-Signature-256": await githubSign(secrets.github, body) }),
  stripe: async (body) => ({
    "Stripe-Signature": stripe.webhooks.generateTestHeaderString({
      payload: body,
      secret: secrets.stripe,
    }),
  }),
  svix: async (body) => {
    const at = new Date();
    return {
      "svix-id": "msg_1",
      "svix-timestamp": `${Math.floor(at / 1000)}`,
      "svix-signature": new SvixWebhook(secrets.svix).sign("msg_1", at, body),
    };
  },
  standard_webhooks: async (body) => {
    const at = new Date();
    return {
      "webhook-id": "msg_1",
      "webhook-timestamp": `${Math.floor(at / 1000)}`,
      "webhook-signature": new StandardWebhook(secrets.standard_webhooks).sign("msg_1", at, body),
    };
  },
  twilio: async (body, path) => ({
    "X-Twilio-Signature": twilio.getExpectedTwilioSignature
      ? twilio.getExpectedTwilioSignature(secrets.twilio, publicUrl + path, fields(body))
      : require("twilio/lib/webhooks/webhooks").getExpectedTwilioSignature(
          secrets.twilio,
          publicUrl + path,
          fields(body),
        ),
  }),
  // Slack's library only checks: signed as Slack's page says, and held to the library first.
  slack: async (body) => {
    const at = now();
    const mac = createHmac("sha256", secrets.slack).update(`v0:${at}:${body}`).digest("hex");
    const headers = { "x-slack-request-timestamp": at, "x-slack-signature": `v0=${mac}` };
    verifySlackRequest({ signingSecret: secrets.slack, body, headers });
    return { "X-Slack-Request-Timestamp": `${at}`, "X-Slack-Signature": `v0=${mac}` };
  },
};

// Whether each library takes a request that hookweir signed.
const verifiers = {
  github: async ({ body, headers }) => {
    assert.ok(await githubVerify(secrets.github, body, headers["x-hub-signature-256"]));
  },
  stripe: async ({ body, headers }) => {
    stripe.webhooks.constructEvent(body, headers["stripe-signature"], secrets.stripe);
  },
  svix: async ({ body, headers }) => {
    new SvixWebhook(secrets.svix).verify(body, headers);
  },
  standard_webhooks: async ({ body, headers }) => {
    new StandardWebhook(secrets.standard_webhooks).verify(body, headers);
  },
  twilio: async ({ body, headers, url }) => {
    const signature = headers["x-twilio-signature"];
    assert.ok(twilio.validateRequest(secrets.twilio, signature, publicUrl + url, fields(body)));
  },
  slack: async ({ body, headers }) => {
    verifySlackRequest({ signingSecret: secrets.slack, body, headers });
  },
};

function fields(body) {
  return Object.fromEntries(new URLSearchParams(body));
}

const folder = mkdtempSync(join(tmpdir(), "hookweir-clients-"));
let server;
let address;

before(async () => {
  const specs = join(folder, "specs");
  await import("node:fs").then((fs) => fs.mkdirSync(specs));
  writeFileSync(join(specs, "gateway.yaml"), `gateway: clients\npublic_url: ${publicUrl}\n`);
  for (const [name, secret] of Object.entries(secrets)) {
    writeFileSync(join(specs, `${name}.secret`), secret);
    writeFileSync(
      join(specs, `${name}.yaml`),
      `function: ${name}\naccept: { path: /in/${name} }\nauth: { signature: { preset: ${name}, secrets: [{ file: ${name}.secret }] } }\nrespond: { body: taken }\ntests: [{ name: signed, request: { sign: right, body: "a=b" }, expect: { status_code: 200 } }]\n`,
    );
  }
  server = spawn(binary, ["-C", folder, "serve"], {
    env: {
      ...process.env,
      HOOKWEIR_LISTEN: "127.0.0.1:0",
      HOOKWEIR_ADMIN_LISTEN: "127.0.0.1:0",
      HOOKWEIR_DATA_DIR: join(folder, "data"),
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  address = await new Promise((resolve, reject) => {
    let said = "";
    server.stdout.on("data", (part) => {
      said += part;
      const found = /listens on (127\.0\.0\.1:\d+)\)/.exec(said);
      if (found) resolve(`http://${found[1]}`);
    });
    server.on("exit", () => reject(new Error(`the server ended: ${said}`)));
  });
});

after(async () => {
  if (server?.exitCode === null && server.signalCode === null) {
    const ended = once(server, "exit");
    server.kill("SIGTERM");
    await ended;
  }
});

async function post(path, headers, body) {
  const answer = await fetch(address + path, { method: "POST", headers, body });
  await answer.text();
  return answer.status;
}

for (const [name, sign] of Object.entries(signers)) {
  test(`${name}: what the library signs is taken, what was changed is not`, async () => {
    const path = name === "twilio" ? `/in/${name}?route=sms` : `/in/${name}`;
    const kind = name === "twilio" ? form : json;
    const sent = name === "twilio" ? "From=%2B15017122661&Body=Hi+there&To=%2B1555" : body;
    const proof = await sign(sent, path);
    assert.equal(await post(path, { ...kind, ...proof }, sent), 200);
    assert.equal(await post(path, { ...kind, ...proof }, `${sent}x`), 401);
    assert.equal(await post(path, kind, sent), 401);
    const other = await sign(`${sent}x`, path);
    assert.equal(await post(path, { ...kind, ...other }, sent), 401);
  });
}

for (const [name, verify] of Object.entries(verifiers)) {
  test(`${name}: the library takes what \`send\` signs`, async () => {
    let received;
    const provider = createServer(async (request, response) => {
      const parts = [];
      for await (const part of request) parts.push(part);
      const { headers, url } = request;
      received = { headers, url, body: Buffer.concat(parts).toString() };
      response.end("ok");
    });
    provider.listen(0, "127.0.0.1");
    await once(provider, "listening");
    const to = `http://127.0.0.1:${provider.address().port}`;
    const payload = join(folder, `${name}.body`);
    writeFileSync(payload, name === "twilio" ? "From=%2B15017122661&Body=Hi+there" : body);
    const child = spawn(binary, ["-C", folder, "send", name, "--body", payload, "--to", to], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [code] = await once(child, "exit");
    provider.close();
    assert.equal(code, 0);
    await verify(received);
    await assert.rejects(verify({ ...received, body: `${received.body}x` }));
  });
}
