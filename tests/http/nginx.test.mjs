// SPDX-License-Identifier: MIT
// Behind nginx as doc/operations.md says: TLS, real addresses, long polls and
// streams, sent through the very block that stands there.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import { join } from 'node:path';

import { freePort, newFolder, source, startDaemon, until }
    from './lib/daemon.mjs';
import { json, mfaUser } from './lib/mfa.mjs';
import { Phone } from './lib/phone.mjs';
import { certificate } from './lib/push.mjs';
import { atEnd, run, skip, test } from './lib/tap.mjs';

const binary = ['/usr/sbin/nginx', '/usr/local/sbin/nginx'].find(existsSync);
const { key, cert } = certificate();

// The block, with a port, a name and files of our own.
function documented(daemonPort, port)
{
    const text = readFileSync(join(source, 'doc/operations.md'), 'utf8');
    const [, block] = /```nginx\n([^]*?)```/.exec(text);
    const changed = block
        .replace('listen 443 ssl http2', `listen 127.0.0.1:${port} ssl http2`)
        .replace('server_name sso.example.com', 'server_name localhost')
        .replace('/etc/ssl/sso.example.com.pem', cert)
        .replace('/etc/ssl/private/sso.example.com.key', key)
        .replace('http://127.0.0.1:9031', `http://127.0.0.1:${daemonPort}`);
    assert.ok(!/example|9031|443/.test(changed), changed);
    return changed;
}

async function startNginx(daemonPort, port)
{
    const folder = newFolder(), file = join(folder, 'nginx.conf');
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
        .map((one) => `${one}_temp_path ${folder}/${one};`).join('\n');
    writeFileSync(file, `
        daemon off; worker_processes 1; pid ${folder}/pid;
        error_log stderr warn;
        events { worker_connections 64; }
        http { access_log off; ${temporary} ${documented(daemonPort, port)} }
    `);
    const child = spawn(binary, ['-p', folder, '-c', file, '-e', 'stderr'],
                        { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.on('data', (data) => { said += data; });
    atEnd(() => child.kill('SIGTERM'));
    await until('nginx', async () => {
        assert.equal(child.exitCode, null, said);
        return call({ port, path: '/healthz' }).then(({ status }) =>
            status === 200, () => false);
    });
}

const agent = new https.Agent({ keepAlive: true, ca: readFileSync(cert) });
atEnd(() => agent.destroy());

// Over TLS; gives { status, headers, json }.
function call({ port, path, method = 'GET', headers = {}, body })
{
    return new Promise((done, fail) => {
        const request = https.request(
            { host: '127.0.0.1', servername: 'localhost', port, path, method,
              localAddress: '127.0.0.2', // not the trusted one
              headers: { Host: `localhost:${port}`, ...headers }, agent },
            async (response) => {
                let text = '';
                for await (const chunk of response)
                    text += chunk;
                let parsed = null;
                try { parsed = JSON.parse(text); } catch {}
                done({ status: response.statusCode, text, json: parsed,
                       headers: response.headers });
            });
        request.on('error', fail);
        request.end(body);
    });
}

async function behindNginx()
{
    if (!binary)
        skip('there is no nginx');
    const port = await freePort();
    const daemon = await startDaemon({
        server: { base_url: `https://localhost:${port}`,
                  trusted_proxies: ['127.0.0.1'] },
        clients: { spa: { policies: ['otp', 'mfa'] } } });
    await startNginx(daemon.port, port);
    return { daemon, port };
}

test('H3, S7: TLS, the asker\'s address, a poll that is held', async () => {
    const { daemon, port } = await behindNginx();
    const user = await mfaUser(daemon), phone = await Phone.make(daemon);
    const { link } = await json(daemon, 'pairing-keys', 'create',
                                user.username);
    assert.ok(link.startsWith(`https://localhost:${port}/`), link);
    assert.equal((await phone.pair(link)).status, 201);

    let cookie = '';
    const ask = async (path, options = {}) => {
        const reply = await call({ port, path, ...options, headers: {
            Accept: 'application/json', 'X-XSRF-Header': 'x',
            'X-Forwarded-For': '198.51.100.7', // a lie
            ...(cookie && { Cookie: cookie }), ...options.headers } });
        const [set] = reply.headers['set-cookie'] ?? [];
        if (set) {
            assert.match(set, /; Secure/);
            [cookie] = set.split(';');
        }
        return reply;
    };
    const { json: begun, text } = await ask(
        '/as/authorization.oauth2?client_id=spa&response_type=code' +
        '&scope=openid&state=s&response_mode=pi.flow' +
        `&code_challenge=${'A'.repeat(43)}&code_challenge_method=S256` +
        '&acr_values=urn:factord:mfa');
    assert.ok(begun?.id, text);
    const flow = `/pf-ws/authn/flows/${begun.id}`;
    assert.equal(begun._links.self.href, `https://localhost:${port}${flow}`);
    const act = (action, body) => ask(flow, {
        method: 'POST', body: JSON.stringify(body), headers: {
            'Content-Type':
                `application/vnd.pingidentity.${action}+json` } });
    await act('checkUsernamePassword', { username: user.username,
                                         password: user.password });
    const waiting = await act('authenticate', {});
    assert.equal(waiting.json.status, 'PUSH_CONFIRMATION_WAITING');

    const request = await phone.waiting();
    assert.equal(request.address, '127.0.0.2'); // nginx was asked from there
    const held = ask(flow, { headers: { Prefer: 'wait=50' } });
    await phone.answer(request, 'approve',
                       { number: waiting.json.numberMatching.value });
    assert.equal((await held).json.status, 'MFA_COMPLETED');
});

await run();
