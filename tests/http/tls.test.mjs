// SPDX-License-Identifier: MIT
// TLS of the daemon's own: versions, sign-ons, certificates that are renewed
// while it runs, and what --check-config says of them.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import { join } from 'node:path';
import tls from 'node:tls';

import { execute, factord, freePort, newFolder, startDaemon, until }
    from './lib/daemon.mjs';
import { Flow, mustBe } from './lib/flow.mjs';
import { secret } from './lib/secrets.mjs';
import { atEnd, run, test } from './lib/tap.mjs';

const folder = newFolder();

// A certificate and its key: { cert, key }, files; its subject is CN=name.
function make(name, { days = 300, algorithm = 'ec', names =
    'DNS:localhost,IP:127.0.0.1' } = {})
{
    const [cert, key] = [`${name}.crt`, `${name}.key`]
        .map((file) => join(folder, file));
    const kind = algorithm === 'ec'
        ? ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'] : ['rsa:2048'];
    execFileSync('openssl', ['req', '-x509', '-newkey', ...kind, '-nodes',
        '-days', String(days), '-keyout', key, '-out', cert,
        '-subj', `/CN=${name}`, '-addext', `subjectAltName=${names}`],
        { stdio: 'ignore' });
    for (const line of readFileSync(key, 'utf8').split('\n').slice(1, -2))
        secret('TLS key', line);
    return { cert, key };
}

const first = make('first'), second = make('second', { algorithm: 'rsa' });

// What the daemon is told of: copies that a test may replace.
function files(pair = first)
{
    const mine = newFolder();
    const at = { certificate: join(mine, 'crt'), key: join(mine, 'key') };
    const put = ({ cert, key }) => {
        if (cert)
            copyFileSync(cert, at.certificate);
        if (key) {
            copyFileSync(key, at.key);
            chmodSync(at.key, 0o600);
        }
    };
    put(pair);
    return { at, put };
}

async function secureDaemon(at, options = {})
{
    const ca = [first, second].map(({ cert }) => readFileSync(cert));
    const d = await startDaemon((port) => ({
        server: { base_url: `https://127.0.0.1:${port}`, tls: at },
        clients: { spa: { policies: ['otp'] } } }), { ca, ...options });
    d.agent = new https.Agent({ keepAlive: true, maxSockets: 1, ca });
    atEnd(() => d.agent.destroy());
    return d;
}

// What openssl s_client is told, as one that would take any version.
async function client(port, ...args)
{
    const { stdout, stderr } = await execute('openssl', [
        's_client', '-connect', `127.0.0.1:${port}`, '-CAfile', first.cert,
        '-cipher', 'ALL:@SECLEVEL=0', ...args], { quiet: true });
    return stdout + stderr;
}

// The name in the certificate that a new connection is shown.
function shown(port)
{
    return new Promise((done, fail) => {
        const socket = tls.connect({ port, host: '127.0.0.1',
                                     rejectUnauthorized: false }, () => {
            done(socket.getPeerCertificate().subject.CN);
            socket.destroy();
        });
        socket.on('error', fail);
    });
}

// SIGHUP, until the log has a line of it.
async function renew(d, line)
{
    const before = d.output.length;
    d.child.kill('SIGHUP');
    await until(`${line} in the log`, () =>
        line.test(d.output.slice(before)));
    return d.output.slice(before);
}

test('T3: openssl s_client gets TLS 1.3 and 1.2, and nothing older',
     async () => {
    const d = await secureDaemon(files().at);
    for (const version of ['1_3', '1_2']) {
        const said = await client(d.port, `-tls${version}`);
        assert.match(said, new RegExp(`New, TLSv${version.replace('_', '.')}`));
        assert.match(said, /Verification: OK/);
        assert.match(said, /AES_256_GCM|AES256-GCM/);
    }
    // The library closes without an alert; what it was asked for was sent.
    for (const args of [['-tls1_1'], ['-tls1'],
                        ['-tls1_2', '-cipher', 'AES128-GCM-SHA256'],
                        ['-tls1_2', '-cipher', 'ECDHE-ECDSA-AES128-SHA']]) {
        const said = await client(d.port, ...args);
        assert.match(said, /read 0 bytes and written [1-9]\d\d bytes/);
        assert.match(said, /New, \(NONE\), Cipher is \(NONE\)/);
    }
});

test('T3: a sign-on by https, with a Secure cookie and https links',
     async () => {
    const d = await secureDaemon(files().at);
    const user = await d.user();
    const flow = await Flow.begin(d);
    assert.match(flow.state._links.self.href, /^https:/);
    assert.match(flow.reply.headers['set-cookie'][0], /; Secure/);
    mustBe(await flow.signOn(user), 'COMPLETED');
    const { status } = await flow.redeem();
    assert.equal(status, 200);
});

test('S7: over TLS a poll is held and woken', async () => {
    const d = await secureDaemon(files().at);
    const user = await d.user();
    const flow = await Flow.begin(d);
    await flow.password(user);
    const held = d.get(flow.path, { jar: flow.jar, agent: false, headers: {
        Prefer: 'wait=50', 'X-XSRF-Header': 'x' } });
    await until('a parked request', async () =>
        (await d.control('GET', '/status')).json.parked === 1);
    mustBe(await flow.select('EMAIL'), 'OTP_REQUIRED');
    mustBe(await held, 'OTP_REQUIRED');
});

test('T3: SIGHUP takes a new certificate; connection and flow go on',
     async () => {
    const { at, put } = files();
    const d = await secureDaemon(at);
    const user = await d.user();
    const flow = await Flow.begin(d);
    const message = await flow.challenge(user);
    const socket = () => Object.values(d.agent.freeSockets)[0]?.[0];
    const before = await until('a free socket', socket);
    assert.equal(before.getPeerCertificate().subject.CN, 'first');
    put(second);
    await renew(d, /the certificate was read again; it expires on \d{4}-/);
    assert.equal(await shown(d.port), 'second');
    mustBe(await flow.check(message.code), 'OTP_VERIFIED');
    mustBe(await flow.act('continueAuthentication'), 'COMPLETED');
    assert.equal(await until('a free socket', socket), before);
});

test('T3: a new certificate that cannot be used leaves the old one in use',
     async () => {
    const { at, put } = files();
    const d = await secureDaemon(at);
    const cases = [
        [() => put({ cert: second.cert }), /is not the key of the certificate/],
        [() => writeFileSync(at.certificate, 'nothing\n'),
         /is no chain of certificates: put /],
        [() => { put(first); writeFileSync(at.key, 'nothing\n'); },
         /is no private key: put /],
    ];
    for (const [spoil, why] of cases) {
        spoil();
        assert.match(await renew(d, /the certificate in use stays/), why);
        assert.equal(await shown(d.port), 'first');
    }
    put(second);
    await renew(d, /the certificate was read again/);
    assert.equal(await shown(d.port), 'second');
});

test('HSTS is said where base_url is https, and only there', async () => {
    const header = async (server) => {
        const d = await startDaemon({ server });
        const { headers } = await d.get('/healthz');
        return headers['strict-transport-security'];
    };
    const d = await secureDaemon(files().at);
    for (const path of ['/healthz', '/nowhere', '/signon/'])
        assert.equal((await d.get(path)).headers['strict-transport-security'],
                     'max-age=31536000');
    const base_url = 'https://sso.example.com'; // a proxy ends TLS
    assert.equal(await header({ base_url }), 'max-age=31536000');
    assert.equal(await header({ base_url, strict_transport: '0s' }),
                 undefined);
    assert.equal(await header({}), undefined);
});

test('the admin listener may have a certificate of its own', async () => {
    const { at } = files(second);
    const port = await freePort();
    const d = await startDaemon({ server: {
        admin_listen: `127.0.0.1:${port}`, admin_tls: at } });
    assert.equal(await shown(port), 'second');
    assert.equal((await d.get('/healthz')).status, 200); // in clear
});

// --- --check-config

// Its lines, but for the last of a good one.
async function check(server, env = {})
{
    const d = await startDaemon((port) => ({
        server: { listen: `127.0.0.1:${port}`,
                  base_url: `https://127.0.0.1:${port}`, ...server },
        pages: { demo: false, messages: false } }), { start: false });
    d.writeConfig();
    const { status, stderr } = await execute('env', [
        ...Object.entries(env).map(([name, value]) => `${name}=${value}`),
        factord, '--config', d.configFile, '--check-config']);
    return { status, lines: stderr.split('\n').filter((line) =>
        line.includes('/server/')) };
}

const pair = ({ cert, key }) => ({ certificate: cert, key });

test('--check-config: certificate and key must fit together', async () => {
    assert.deepEqual(await check({ tls: pair(first) }),
                     { status: 0, lines: [] });
    const cases = [
        [{ certificate: first.cert, key: second.key },
         /is not the key of the certificate in .*; name the two that belong/],
        [{ certificate: first.key, key: first.key },
         /is no chain of certificates/],
        [{ certificate: first.cert, key: first.cert }, /is no private key/],
        [{ certificate: join(folder, 'none'), key: first.key },
         /none cannot be read: No such file or directory; correct the path/],
        [{ certificate: first.cert }, /\/server\/tls.*"?key"?/],
    ];
    for (const [tls, why] of cases) {
        const { status, lines } = await check({ tls });
        assert.equal(status, 78);
        assert.match(lines[0], why);
        assert.match(lines[0], /^factord: .*factord\.json:\d+: \/server\/tls/);
    }
    const { status, lines } = await check({
        tls: pair(first), base_url: 'http://127.0.0.1:9031' });
    assert.equal(status, 78);
    assert.match(lines[0], /base_url.*write https:/);
});

test('--check-config warns of certificates that browsers will refuse',
     async () => {
    const warned = async (made) => {
        const { status, lines } = await check({ tls: pair(made) });
        assert.equal(status, 0);
        assert.equal(lines.length, 1, lines.join('\n'));
        return lines[0];
    };
    assert.match(await warned(make('short', { days: 5 })),
                 /warning: .*the certificate expires on \d{4}-\d\d-\d\d; put/);
    const open = make('open');
    chmodSync(open.key, 0o644);
    assert.match(await warned(open), /warning: .*everyone may read .*open\.key/);
    assert.match(await warned(make('other', { names: 'DNS:other.test' })),
                 /warning: .*the certificate is not for "127\.0\.0\.1"/);
});

test('a certificate that has expired is told of at SIGHUP', async () => {
    const d = await secureDaemon(files().at);
    d.setClock(Date.now() + 400 * 24 * 3600 * 1000);
    assert.match(await renew(d, /has expired on/),
                 /"level":"warning".*the certificate has expired on \d{4}-/);
});

test('certificate and key come as credentials', async () => {
    const { at } = files();
    const env = { CREDENTIALS_DIRECTORY: join(at.key, '..') };
    const credentials = { certificate: { $credential: 'crt' },
                          key: { $credential: 'key' } };
    assert.deepEqual(await check({ tls: credentials }, env),
                     { status: 0, lines: [] });
    const { status, lines } = await check({ tls: credentials });
    assert.equal(status, 78);
    assert.match(lines[0], /there are no credentials here; give "crt"/);
    const d = await secureDaemon(credentials, { env });
    assert.equal(await shown(d.port), 'first');
});

test('K2: the secret of keys.json comes as a credential, and is needed',
     async () => {
    const folder = newFolder();
    const env = { CREDENTIALS_DIRECTORY: folder };
    const keep = (name) => writeFileSync(join(folder, name),
        `${secret('keys secret', randomBytes(32).toString('base64'))}\n`,
        { mode: 0o600 });
    keep('one');
    keep('two');
    const d = await startDaemon({}, { env });
    const keys = () => Object.keys(JSON.parse(
        readFileSync(join(d.state, 'keys.json'), 'utf8'))).sort();
    const user = await d.user();
    assert.ok(keys().includes('sign'));
    const again = async (config) => {
        await d.stop();
        delete d.config.keys_old_secret;
        Object.assign(d.config, config);
        d.launch();
        return d.ready().then(() => null, ({ end }) => end);
    };
    for (const config of [
        { keys_secret: { $credential: 'one' } },
        { keys_secret: { $credential: 'two' },
          keys_old_secret: { $credential: 'one' } }]) {
        assert.equal(await again(config), null);
        assert.deepEqual(keys(), ['sealed', 'v']);
        mustBe(await (await Flow.begin(d)).signOn(user), 'COMPLETED');
    }
    await d.ctl('keys', 'rotate');
    assert.deepEqual(keys(), ['sealed', 'v']);
    const { status, output } = await again({
        keys_secret: { $credential: 'one' } });
    assert.equal(status, 78);
    assert.match(output, /keys\.json: it is sealed under another secret/);
});

await run();
