// SPDX-License-Identifier: MIT
// tests/http/lib/daemon.mjs - a daemon of one's own: configuration, state,
// clock, messages, operators' commands.
//
//     const d = await startDaemon({ adapters: { otp: { max_resends: 2 } } });
//     const user = await d.user();
//     const message = await d.message(user.email);
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync,
         rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { clients } from './clients.mjs';
import { request } from './http.mjs';
import { leaks, mustHoldNone, secret } from './secrets.mjs';
import { atEnd, finalCheck } from './tap.mjs';

const here = dirname(fileURLToPath(import.meta.url));
export const source = resolve(process.env.FACTOR_SRCDIR ??
                              join(here, '../../..'));
export const build = resolve(process.env.FACTOR_BUILDDIR ??
                             join(source, 'build-check/http'));
export const factord = join(build, 'factord');
export const factorctl = join(build, 'factorctl');

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

// Until look() gives something; what is waited for is told if it never does.
export async function until(what, look, timeout = 10000)
{
    const end = Date.now() + timeout;
    for (;;) {
        const found = await look();
        if (found)
            return found;
        if (Date.now() > end)
            throw new Error(`waited ${timeout} ms for ${what}`);
        await sleep(10);
    }
}

// --- Configuration.

export function merge(base, over)
{
    if (over === undefined)
        return base;
    if (base === null || over === null || typeof base !== 'object' ||
        typeof over !== 'object' || Array.isArray(base) || Array.isArray(over))
        return over;
    const merged = { ...base };
    for (const [name, value] of Object.entries(over)) {
        merged[name] = merge(base[name], value);
        if (value === null)
            delete merged[name];
    }
    return merged;
}

const many = { burst: 1000000, per_minute: 1000000 };

// Limits that would only be in the way, as far as this build has them.
function lifted()
{
    const wanted = {
        sends_per_address_10min: 0, sends_per_address_day: 0,
        sends_per_account_day: 0, sends_per_prefix_hour: 1000000,
        slow_queue: 1000,
        authorize: many, token: many, password: many, pairing: many,
        rest: many,
    };
    const schema = spawnSync(factord, ['--print-schema', 'host'],
                             { encoding: 'utf8' }).stdout;
    const { limits: section } = JSON.parse(schema).properties;
    const known = (section.anyOf?.[0] ?? section).properties;
    return Object.fromEntries(
        Object.entries(wanted).filter(([name]) => name in known));
}

let limits;

// The demo's configuration, quick to sign on with, and clients of every kind.
export function baseConfig(port)
{
    const demo = JSON.parse(readFileSync(join(source, 'conf/demo.json')));
    delete demo.users_file;
    delete demo.$comment;
    return merge({ ...demo, clients: clients(port) }, {
        server: { listen: `127.0.0.1:${port}`,
                  base_url: `http://127.0.0.1:${port}`,
                  rest_on_public: true },
        log_level: 'debug',
        pages: { demo: true, messages: true },
        adapters: {
            password: { plugin: 'password', answer_after: '0ms',
                        yescrypt_cost: 1 },
            otp: { plugin: 'otp', device_selection: 'user_choice',
                   resend_cooldown: '0s',
                   user_data: { first_name: 'given_name' } },
        },
        limits: limits ??= lifted(),
    });
}

// --- Ports: below the range from which connections take theirs.

function bindable(port)
{
    return new Promise((done) => {
        const server = net.createServer();
        server.once('error', () => done(false));
        server.listen(port, '127.0.0.1', () => server.close(() => done(true)));
    });
}

export async function freePort()
{
    for (let i = 0; i < 200; i++) {
        const port = 10000 + randomBytes(2).readUInt16BE() % 22000;
        if (await bindable(port))
            return port;
    }
    throw new Error('no free port');
}

// --- Processes and folders: none is left behind.

const children = new Set();
const folders = new Set();

process.on('exit', () => {
    for (const child of children)
        child.kill('SIGKILL');
    for (const folder of folders)
        rmSync(folder, { recursive: true, force: true });
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
    process.on(signal, () => process.exit(1));

export function newFolder()
{
    const folder = mkdtempSync(join(tmpdir(), 'factord-http-'));
    chmodSync(folder, 0o700);
    folders.add(folder);
    return folder;
}

// A command to its end: { status, signal, stdout, stderr }.
export function execute(file, args, { input, timeout = 30000, cwd, quiet } = {})
{
    return new Promise((done, fail) => {
        const child = spawn(file, args, { cwd });
        let stdout = '', stderr = '';
        const timer = setTimeout(() => {
            child.kill('SIGKILL');
            fail(new Error(`${file} ${args.join(' ')}: no end in time`));
        }, timeout);
        children.add(child);
        child.stdout.on('data', (data) => { stdout += data; });
        child.stderr.on('data', (data) => { stderr += data; });
        child.on('error', fail);
        child.on('close', (status, signal) => {
            clearTimeout(timer);
            children.delete(child);
            if (!quiet)
                mustHoldNone(`${file.split('/').pop()} ${args.join(' ')}`,
                             () => stdout + stderr);
            done({ status, signal, stdout, stderr });
        });
        child.stdin.on('error', () => {});
        child.stdin.end(input ?? '');
    });
}

let checking = false;

// K4, over all that this file's daemons said.
function checkOutput()
{
    if (checking)
        return;
    checking = true;
    finalCheck('K4: no secret of these tests stands in any output', () => {
        const found = leaks();
        if (found.length)
            throw new Error(found.slice(0, 10).join('\n'));
    });
}

export class Daemon {
    constructor({ folder, config, port })
    {
        this.folder = folder;
        this.state = join(folder, 'state');
        this.config = config;
        this.configFile = join(folder, 'factord.json');
        this.port = port;
        this.output = '';
        this.users = 0;
        this.seen = new Set(); // messages that a test has taken
        this.child = null;
    }

    get base()
    {
        return this.config.server.base_url;
    }

    get local()
    {
        const scheme = this.config.server?.tls ? 'https' : 'http';
        return `${scheme}://127.0.0.1:${this.port}`;
    }

    writeConfig()
    {
        writeFileSync(this.configFile, JSON.stringify(this.config, null, 2),
                      { mode: 0o600 });
    }

    // --- Its process.

    launch()
    {
        this.writeConfig();
        const [program, ...args] = [...(this.within ?? []), factord,
                                    '--config', this.configFile,
                                    ...(this.args ?? [])];
        const child = spawn(program, args,
                            { stdio: ['ignore', 'pipe', 'pipe'],
                              env: { ...process.env, ...this.env } });
        const began = this.output.length;
        children.add(child);
        this.child = child;
        const take = (data) => { this.output += data; };
        child.stdout.on('data', take);
        child.stderr.on('data', take);
        this.ended = new Promise((done) => {
            child.on('close', (status, signal) => {
                children.delete(child);
                if (this.child === child)
                    this.child = null;
                done({ status, signal, output: this.output.slice(began) });
            });
        });
        return child;
    }

    async ready(timeout = 30000)
    {
        let gone = null;
        this.ended.then((end) => { gone = end; });
        await until('the daemon to be ready', async () => {
            if (gone)
                throw Object.assign(
                    new Error(`factord ended with ${gone.status ??
                                                     gone.signal}:\n` +
                              gone.output), { end: gone });
            const reply = await request('GET', `${this.local}/readyz`, {
                timeout: 2000, ca: this.ca }).catch(() => null);
            return reply?.status === 200;
        }, timeout);
        return this;
    }

    async start()
    {
        this.launch();
        return this.ready();
    }

    async stop(signal = 'SIGTERM')
    {
        if (!this.child)
            return this.ended;
        this.child.kill(signal);
        return this.ended;
    }

    async restart(signal = 'SIGTERM')
    {
        await this.stop(signal);
        return this.start();
    }

    // --- Its clock (builds with --enable-test-clock).

    now()
    {
        try {
            return Number(readFileSync(join(this.state, 'clock'), 'utf8'));
        } catch {
            return Date.now();
        }
    }

    setClock(ms)
    {
        const file = join(this.state, 'clock');
        writeFileSync(`${file}.new`, String(Math.round(ms)));
        renameSync(`${file}.new`, file);
    }

    // Stands still from the first call on.
    advance(ms)
    {
        this.setClock(this.now() + ms);
    }

    // --- Requests.

    request(method, path, options)
    {
        return request(method, this.local + path,
                       { ca: this.ca, agent: this.agent, ...options });
    }

    get(path, options)
    {
        return this.request('GET', path, options);
    }

    control(method, path, body)
    {
        return request(method, `http://localhost${path}`, {
            socketPath: join(this.state, 'control.sock'),
            body: typeof body === 'object' ? JSON.stringify(body) : body,
        });
    }

    ctl(...args)
    {
        const options = typeof args.at(-1) === 'object' ? args.pop() : {};
        return execute(factorctl,
                       ['--socket', join(this.state, 'control.sock'), ...args],
                       options);
    }

    // --- Users.  Each test has its own.

    async import(...users)
    {
        const text = users.map((user) => JSON.stringify(user)).join('\n');
        for (const user of users)
            secret('password', user.password);
        const reply = await this.control('POST', '/users/import', `${text}\n`);
        if (reply.status !== 200 || reply.json.failed.length)
            throw new Error(`import: ${reply.text}`);
        return reply.json;
    }

    // undefined takes a member away.
    async user(members = {})
    {
        const n = ++this.users;
        const user = {
            username: `user${n}`,
            password: `pw-${randomBytes(9).toString('hex')}`,
            email: `user${n}@example.com`,
            phone: `+49155501${String(n).padStart(5, '0')}`,
            given_name: 'Sonja',
            ...members,
        };
        await this.import(user);
        return user;
    }

    // --- Messages of delivery-file.

    messages()
    {
        const file = join(this.state, 'outbox.jsonl');
        if (!existsSync(file))
            return [];
        return readFileSync(file, 'utf8').split('\n').slice(0, -1)
            .filter((line) => line).map((line) => {
                const message = JSON.parse(line);
                secret('passcode', message.code);
                return message;
            });
    }

    // The oldest message to the address that no test has taken yet.
    async message(address, timeout = 10000)
    {
        const message = await until(`a message to ${address}`, () =>
            this.messages().find((one) => one.to === address &&
                                          !this.seen.has(one.id)), timeout);
        this.seen.add(message.id);
        return message;
    }

    // Messages that were ever asked for: rows stay for an hour.
    async outbox()
    {
        const items = [];
        let next = '/outbox?limit=1000';
        while (next) {
            const { json } = await this.control('GET', next);
            items.push(...json.items);
            next = json.next && `/outbox?limit=1000&after=${json.next}`;
        }
        return items;
    }

    // Until nothing is waiting to be delivered.
    async settled()
    {
        return until('the outbox to be empty', async () =>
            (await this.outbox()).every(({ state }) => state !== 'queued' &&
                                                       state !== 'sending'));
    }
}

// over: merged into the base configuration; a function of the port, or an
// object.  options: now (sets the clock), users, args, env, ca (of https),
// within (a command that runs it; or a function of the port),
// start: false, base: false (over is the whole configuration).
export async function startDaemon(over = {}, options = {})
{
    checkOutput();
    for (let attempt = 1; ; attempt++) {
        const daemon = await makeDaemon(over, options);
        try {
            return options.start === false ? daemon : await daemon.start();
        } catch (error) {
            if (attempt === 5 || !/ is taken: /.test(error.message))
                throw error;
        }
    }
}

async function makeDaemon(over, options)
{
    const port = await freePort();
    const folder = options.folder ?? newFolder();
    const wanted = typeof over === 'function' ? over(port) : over;
    const config = options.base === false ? wanted
        : merge({ ...baseConfig(port), state_directory: join(folder, 'state') },
                wanted);
    const daemon = new Daemon({ folder, config, port });
    daemon.args = options.args;
    daemon.env = options.env;
    daemon.ca = options.ca;
    daemon.within = typeof options.within === 'function'
        ? options.within(port) : options.within;
    mkdirSync(daemon.state, { mode: 0o700, recursive: true });
    if (options.now)
        daemon.setClock(options.now);
    mustHoldNone('factord', () => daemon.output);
    atEnd(async () => { await daemon.stop('SIGKILL'); });
    return daemon;
}
