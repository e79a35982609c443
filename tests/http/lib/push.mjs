// SPDX-License-Identifier: MIT
// tests/http/lib/push.mjs - a delivery plugin of the channel "push", driven
// without a daemon, and gateways for it to call.
//
//     const fcm = await Pusher.open('fcm', { service_account: '{...}' });
//     const receipt = await fcm.deliver({ address: 'fcm:abc' });
import { spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { build, newFolder } from './daemon.mjs';
import { mustHoldNone } from './secrets.mjs';
import { atEnd } from './tap.mjs';

const program = join(build, 'tests/push_once');

// It is made with the unit tests; here there may be none.
export function buildPusher()
{
    const made = spawnSync('make', ['-s', 'tests/push_once'],
                           { cwd: build, encoding: 'utf8' });
    if (made.status !== 0)
        throw new Error(`make tests/push_once: ${made.stderr}`);
}

export class Pusher {
    constructor(plugin)
    {
        const file = join(build, `.libs/delivery-${plugin}.so`);
        this.child = spawn(program, [file],
                           { stdio: ['pipe', 'pipe', 'pipe'] });
        this.said = ''; // receipts and what was logged
        this.lines = createInterface({ input: this.child.stdout })
            [Symbol.asyncIterator]();
        this.child.stderr.on('data', (data) => { this.said += data; });
        this.child.stdin.on('error', () => {});
        this.ended = new Promise((done) => this.child.on('close', done));
        mustHoldNone(`push_once ${plugin}`, () => this.said);
        atEnd(() => this.child.kill('SIGKILL'));
    }

    static async open(plugin, settings, setup = {})
    {
        const pusher = new Pusher(plugin);
        const answer = await pusher.ask({ settings, ...setup });
        if (answer.status !== 0)
            throw new Error(`init: ${answer.status} ${answer.error}`);
        return pusher;
    }

    async ask(object)
    {
        this.child.stdin.write(`${JSON.stringify(object)}\n`);
        const { value, done } = await this.lines.next();
        if (done)
            throw new Error(`push_once ended: ${await this.ended} ` +
                            this.said);
        this.said += `${value}\n`;
        return JSON.parse(value);
    }

    deliver({ device = 'dev-1', ...over })
    {
        const now = Date.now();
        return this.ask({ id: randomUUID(), text: 'Sign on?',
                          variables: { device }, now_ms: now,
                          timeout_ms: 6000, expires_at_ms: now + 40000,
                          ...over });
    }

    // Its exit status.
    close()
    {
        this.child.stdin.end();
        return this.ended;
    }
}

// --- Gateways.

function readBody(stream)
{
    return new Promise((done, fail) => {
        const chunks = [];
        stream.on('data', (chunk) => chunks.push(chunk));
        stream.on('end', () => done(Buffer.concat(chunks)));
        stream.on('error', fail);
    });
}

// A certificate for localhost and its key: names of files.
function makeCertificate()
{
    const folder = newFolder();
    const key = join(folder, 'key.pem'), cert = join(folder, 'cert.pem');
    const openssl = spawnSync('openssl', [
        'req', '-x509', '-newkey', 'ec', '-pkeyopt',
        'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-keyout', key,
        '-out', cert, '-subj', '/CN=localhost', '-addext',
        'subjectAltName=DNS:localhost'], { encoding: 'utf8' });
    if (openssl.status !== 0)
        throw new Error(`openssl req: ${openssl.stderr}`);
    return { key, cert };
}

let made;
export const certificate = () => made ??= makeCertificate();

function readCertificate()
{
    const { key, cert } = certificate();
    return { key: readFileSync(key), cert: readFileSync(cert) };
}

const kinds = {
    http: (take) => http.createServer(take),
    https: (take) => https.createServer(readCertificate(), take),
    h2c: (take) => http2.createServer(take),
    h2: (take) => http2.createSecureServer(readCertificate(), take),
};

// answer(call) gives { status, headers, body } for { method, path, headers,
// body }, or nothing: 200.  kind: http, https, h2c, h2.
export async function startGateway(answer, kind = 'http')
{
    const gateway = { calls: [], connections: 0 };
    const server = kinds[kind](async (request, response) => {
        const call = { method: request.method, path: request.url,
                       headers: request.headers,
                       body: await readBody(request) };
        gateway.calls.push(call);
        try {
            const { status = 200, headers = {}, body = '' } =
                await answer(call) ?? {};
            response.writeHead(status, headers);
            response.end(body);
        } catch (error) { // a check of the stand-in's own
            gateway.error ??= error;
            response.writeHead(599);
            response.end(String(error.code ?? error.message));
        }
    });
    server.on(kind.startsWith('h2') ? 'session' : 'connection',
              () => { gateway.connections += 1; });
    await new Promise((done) => server.listen(0, '127.0.0.1', done));
    gateway.port = server.address().port;
    const secure = kind === 'https' || kind === 'h2';
    gateway.url = secure ? `https://localhost:${gateway.port}`
                         : `http://127.0.0.1:${gateway.port}`;
    server.unref();
    atEnd(() => { server.closeAllConnections?.(); server.close(); });
    return gateway;
}
