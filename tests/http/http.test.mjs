// SPDX-License-Identifier: MIT
// Bytes on the wire: what is refused, how much is taken (H1, H2), and what a
// stop does.
import assert from 'node:assert/strict';
import http from 'node:http';
import net from 'node:net';

import { sleep, startDaemon, until } from './lib/daemon.mjs';
import { apiPath, Flow, mustBe, mustFail, ownType } from './lib/flow.mjs';
import { raw, request } from './lib/http.mjs';
import { run, test } from './lib/tap.mjs';

const d = await startDaemon();

const head = (lines, first = 'GET /readyz HTTP/1.1') =>
    `${[first, ...lines].join('\r\n')}\r\n\r\n`;
const host = 'Host: 127.0.0.1';
const close = 'Connection: close';

// Refused: an error status or no word at all, and never 2xx; then closed.
async function mustRefuse(bytes, what, { json = false } = {})
{
    const reply = await raw(d.port, bytes, { timeout: 8000 });
    assert.ok(reply.status === 0 || reply.status >= 400,
              `${what}: ${reply.text.slice(0, 200)}`);
    assert.ok(reply.closed, `${what}: the connection stays open`);
    if (json) {
        assert.notEqual(reply.json, undefined, `${what}: ${reply.text}`);
        assert.equal('status' in reply.json, false);
    }
    return reply;
}

async function waiting()
{
    const user = await d.user();
    const flow = await Flow.begin(d);
    const { code } = await flow.challenge(user);
    return { user, flow, code };
}

const post = (flow, more, body) =>
    `POST ${flow.path} HTTP/1.1\r\n${host}\r\nCookie: ${flow.jar.header}\r\n` +
    `X-XSRF-Header: x\r\nContent-Type: ${ownType('checkOtp')}\r\n${more}\r\n` +
    `\r\n${body}`;

test('a plain request, raw', async () => {
    const reply = await raw(d.port, head([host, close]));
    assert.equal(reply.status, 200);
    assert.equal(reply.body, 'ready\n');
});

// --- H1: framing

test('H1: two or conflicting lengths', async () => {
    const { flow, code } = await waiting();
    const body = JSON.stringify({ otp: code });
    for (const [what, more] of [
        ['two equal', `Content-Length: ${body.length}\r\nContent-Length: ${body.length}`],
        ['two different', `Content-Length: ${body.length}\r\nContent-Length: 3`],
        ['a list', `Content-Length: ${body.length}, ${body.length}`],
        ['length and chunked',
         `Content-Length: ${body.length}\r\nTransfer-Encoding: chunked`],
        ['chunked twice',
         'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked'],
        ['signed', `Content-Length: +${body.length}`],
        ['negative', 'Content-Length: -1'],
        ['hexadecimal', 'Content-Length: 0x10'],
        ['spaced', `Content-Length: 1 ${body.length}`],
        ['huge', 'Content-Length: 99999999999999999999'],
        ['empty', 'Content-Length:'],
        ['gzip', 'Transfer-Encoding: gzip'],
        ['gzip, chunked', 'Transfer-Encoding: gzip, chunked'],
        ['chunked, identity', 'Transfer-Encoding: chunked, identity'],
        ['xchunked', 'Transfer-Encoding: xchunked']])
        await mustRefuse(post(flow, more, body), what);
    mustBe(await flow.get(), 'OTP_REQUIRED');
    mustBe(await flow.check(code), 'OTP_VERIFIED');
});

test('H1: chunked bodies, good and bad', async () => {
    const { flow, code } = await waiting();
    const body = JSON.stringify({ otp: code });
    const hex = body.length.toString(16);
    for (const bad of [`zz\r\n${body}\r\n0\r\n\r\n`,
                       `${hex}\r\n${body}XX0\r\n\r\n`,
                       `-${hex}\r\n${body}\r\n0\r\n\r\n`,
                       `ffffffffffffffffff\r\n${body}\r\n0\r\n\r\n`])
        await mustRefuse(post(flow, `Transfer-Encoding: chunked\r\n${close}`,
                              bad), JSON.stringify(bad));
    mustBe(await flow.get(), 'OTP_REQUIRED');
    const good = await raw(d.port, post(flow,
        `Transfer-Encoding: chunked\r\n${close}`,
        `3\r\n${body.slice(0, 3)}\r\n${(body.length - 3).toString(16)}\r\n` +
        `${body.slice(3)}\r\n0\r\n\r\n`));
    assert.equal(good.json?.status, 'OTP_VERIFIED', good.text);
});

test('H1: a second request smuggled behind a body is none of the first', async () => {
    const { flow, code } = await waiting();
    const inner = post(flow, `Content-Length: 16\r\n${close}`,
                       JSON.stringify({ otp: code }));
    await mustRefuse(post(flow, `Content-Length: ${inner.length}\r\n` +
                                'Transfer-Encoding: chunked',
                          `0\r\n\r\n${inner}`), 'smuggled');
    mustBe(await flow.get(), 'OTP_REQUIRED');
});

test('H1: Host: once, and there', async () => {
    await mustRefuse(head([close]), 'none');
    await mustRefuse(head(['Host:', close]), 'empty');
    await mustRefuse(head([host, 'Host: evil.test', close]), 'two');
    await mustRefuse(head([host, host, close]), 'two equal');
});

test('H1: names of headers are tokens', async () => {
    for (const line of ['X-A : 1', 'X A: 1', 'X(A): 1', 'X\u0001A: 1',
                        'X"A: 1', 'X-\xe4: 1', 'NoColon'])
        await mustRefuse(head([host, line, close]), line);
});

test('H1: a carriage return alone', async () => {
    await mustRefuse(head([host, 'X-A: a\rb', close]), 'CR');
});

test('H1: control bytes', async () => {
    for (const line of ['X-A: a\u0001b', 'X-A: a\u007fb', 'X-A: a\u001bb',
                        'Cookie: PF=a\u0001'])
        await mustRefuse(head([host, line, close]), JSON.stringify(line));
    await mustRefuse(`GET /readyz HTTP/1.1\n${host}\nX-A: \u0002\n\n`, 'LF');
});

test('H1: %00 and bad escapes in the path', async () => {
    for (const path of ['/readyz%00', '/readyz%00.html', `${apiPath}a%00b`,
                        '/%zz', '/%4', '/%', '/a\u0001b', '/\xe4', '/a b'])
        await mustRefuse(head([host, close], `GET ${path} HTTP/1.1`),
                         JSON.stringify(path));
    const reply = await request('GET', `${d.local}/readyz?a=%00`);
    assert.equal(reply.status, 400);
});

test('H1: request lines that are none', async () => {
    for (const line of ['GET /readyz', 'GET', '', 'GET /readyz HTTP/1.1 x',
                        'GET readyz HTTP/1.1', 'GET\t/readyz HTTP/1.1',
                        'G\u0001T /readyz HTTP/1.1', 'GET /readyz HTTP/9.9',
                        'GET /readyz FTP/1.1', 'PRI * HTTP/2.0']) {
        const reply = await raw(d.port, `${line}\r\n${host}\r\n${close}\r\n\r\n`,
                                { timeout: 1500 });
        assert.ok(reply.status === 0 || reply.status >= 400,
                  `${line}: ${reply.text.slice(0, 100)}`);
    }
    const tls = await raw(d.port, '\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03',
                          { timeout: 500 });
    assert.ok(tls.status === 0 || tls.status >= 400);
});

test('H1: a path with dots leads nowhere', async () => {
    for (const path of ['/signon/../../../etc/passwd', '/signon/%2e%2e/demo/',
                        '/signon/..%2f..%2fconf/demo.json', '/common/./../x',
                        '//etc/passwd', '/signon/%2e%2e%2f%2e%2e%2fREADME.md']) {
        const reply = await raw(d.port, head([host, close],
                                             `GET ${path} HTTP/1.1`));
        assert.ok(reply.status >= 400, `${path}: ${reply.status}`);
        assert.ok(!reply.text.includes('root:'));
    }
});

// --- H1: sizes

test('H1: a URI of 4 KiB, and one more', async () => {
    const uri = (size) => `/readyz?${'a'.repeat(size - 8)}`;
    assert.equal((await d.get(uri(4096))).status, 200);
    const long = await d.get(uri(4097));
    assert.equal(long.status, 414);
    assert.notEqual(long.json, undefined, long.text);
    const longer = await raw(d.port, head([host, close],
                                          `GET ${uri(60000)} HTTP/1.1`));
    assert.ok(longer.status === 0 || longer.status >= 400);
});

test('H1: headers of 8 KiB, and one more', async () => {
    const sized = (size) => {
        const rest = head([host, close, 'X-A: ']).length;
        return head([host, close, `X-A: ${'a'.repeat(size - rest)}`]);
    };
    assert.equal((await raw(d.port, sized(8192))).status, 200);
    const more = await raw(d.port, sized(8193 + 256));
    assert.equal(more.status, 431, more.text.slice(0, 200));
    const lines = await raw(d.port, head([host, close,
        ...Array.from({ length: 1000 }, (_, i) => `X-${i}: aaaaaaaaaaaa`)]));
    assert.ok(lines.status === 0 || lines.status >= 400);
});

test('H1: a body over the limit is refused before it is read', async () => {
    const { flow } = await waiting();
    const began = Date.now();
    const reply = await raw(d.port, post(flow, 'Content-Length: 1000000', ''),
                            { timeout: 8000 });
    assert.equal(reply.status, 413);
    assert.ok(reply.closed);
    assert.ok(Date.now() - began < 4000);
    for (const [path, size] of [['/as/token.oauth2', 65537],
                                ['/as/authorization.oauth2', 70000],
                                ['/nosuch', 10000000]]) {
        const other = await raw(d.port, [
            `POST ${path} HTTP/1.1\r\n${host}\r\n` +
            'Content-Type: application/x-www-form-urlencoded\r\n' +
            `Content-Length: ${size}\r\n\r\n`], { timeout: 8000 });
        assert.ok(other.status >= 400, `${path}: ${other.text.slice(0, 100)}`);
    }
    mustBe(await flow.get(), 'OTP_REQUIRED');
});

test('H1: Expect: 100-continue', async () => {
    const { flow, code } = await waiting();
    const body = JSON.stringify({ otp: code });
    const reply = await raw(d.port, [post(flow,
        `Content-Length: ${body.length}\r\n${close}\r\nExpect: 100-continue`,
        ''), 200, body]);
    assert.match(reply.text, /^HTTP\/1\.1 100 /);
    assert.match(reply.text, /HTTP\/1\.1 200 /);
    assert.match(reply.text, /OTP_VERIFIED/);
});

test('H1: a connection that says nothing is closed', async () => {
    const own = await startDaemon({ server: { idle_timeout: '1s' } });
    for (const bytes of ['', 'GET /readyz HT', `GET /readyz HTTP/1.1\r\n${host}`,
                         'POST /as/token.oauth2 HTTP/1.1\r\n' +
                         `${host}\r\nContent-Length: 100\r\n\r\nabc`]) {
        const began = Date.now();
        const reply = await raw(own.port, bytes, { timeout: 9000 });
        assert.ok(reply.closed, JSON.stringify(bytes));
        assert.ok(Date.now() - began < 8000);
    }
});

// Never silent for as long as the time-out, and never done.
test('H1: four hundred idle connections hold nobody up', async () => {
    const sockets = await Promise.all(Array.from({ length: 400 }, () =>
        new Promise((done) => {
            const socket = net.connect(d.port, '127.0.0.1', () => {
                socket.write('GET /readyz HTTP/1.1\r\nHost: x\r\n');
                done(socket);
            });
            socket.on('error', () => {});
        })));
    assert.equal((await d.get('/readyz')).status, 200);
    for (const socket of sockets)
        socket.destroy();
});

// --- H2 and the like

test('H2: the methods of every route', async () => {
    for (const [path, allowed] of [
        ['/readyz', ['GET', 'HEAD']], ['/healthz', ['GET', 'HEAD']],
        ['/as/token.oauth2', ['OPTIONS', 'POST']],
        ['/as/authorization.oauth2', ['GET', 'HEAD', 'OPTIONS', 'POST']],
        ['/idp/userinfo.openid', ['GET', 'HEAD', 'OPTIONS', 'POST']],
        ['/pf/JWKS', ['GET', 'HEAD', 'OPTIONS']],
        ['/.well-known/openid-configuration', ['GET', 'HEAD', 'OPTIONS']],
        ['/as/x/resume/as/authorization.ping', ['GET', 'HEAD']],
        ['/signon/', ['GET', 'HEAD']],
        [`${apiPath}x`, ['GET', 'HEAD', 'OPTIONS', 'POST']]]) {
        const reply = await d.request('DELETE', path);
        assert.equal(reply.status, 405, path);
        assert.deepEqual(reply.headers.allow.split(/, */).sort(), allowed, path);
        assert.notEqual(reply.json, undefined);
    }
});

test('H2: HEAD of other routes', async () => {
    for (const path of ['/readyz', '/pf/JWKS', '/signon/',
                        '/.well-known/openid-configuration']) {
        const reply = await d.request('HEAD', path);
        const got = await d.get(path);
        assert.equal(reply.status, 200, path);
        assert.equal(reply.text, '');
        assert.equal(reply.headers['content-length'],
                     got.headers['content-length']);
    }
    // As GET, it begins a flow; no body tells of it.
    const begun = await d.request('HEAD', '/as/authorization.oauth2?x=1');
    assert.equal(begun.status, 400);
    assert.equal(begun.text, '');
});

test('one connection, many requests; pipelined too', async () => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const { flow, code } = await waiting();
    for (let i = 0; i < 20; i++)
        mustBe(await d.get(flow.path, { jar: flow.jar, agent,
            headers: { 'X-XSRF-Header': 'x' } }), 'OTP_REQUIRED');
    const reply = await d.request('POST', flow.path, {
        jar: flow.jar, agent, body: JSON.stringify({ otp: code }),
        headers: { 'X-XSRF-Header': 'x', 'Content-Type': ownType('checkOtp') } });
    mustBe(reply, 'OTP_VERIFIED');
    agent.destroy();
    const two = await raw(d.port, head([host]) + head([host, close]));
    assert.equal(two.text.match(/HTTP\/1\.1 200/g).length, 2);
});

test('HTTP/1.0 is answered and closed', async () => {
    const reply = await raw(d.port, head([host], 'GET /readyz HTTP/1.0'));
    assert.equal(reply.status, 200);
    assert.ok(reply.closed);
});

test('a client that leaves in the middle harms nobody', async () => {
    const { flow, code } = await waiting();
    for (let i = 0; i < 30; i++) {
        const socket = net.connect(d.port, '127.0.0.1');
        socket.on('error', () => {});
        socket.write(post(flow, 'Content-Length: 20', '{"otp"'.slice(0, i % 6)));
        await sleep(1);
        socket.destroy();
    }
    mustBe(await flow.check(code), 'OTP_VERIFIED');
});

test('a cookie\'s value cannot plant another', async () => {
    const { flow } = await waiting();
    const other = await Flow.begin(d);
    const pf = flow.jar.cookies.PF;
    const look = (cookie) => d.get(flow.path, {
        headers: { Cookie: cookie, 'X-XSRF-Header': 'x' } });
    for (const cookie of [`a=b, PF=${pf}`, `x="; PF=${pf}`.replace(';', ','),
                          `aPF=${pf}`, `PF =${pf}`, `PF=${pf}x`, `pf=${pf}`])
        mustFail(await look(cookie), 404, 'RESOURCE_NOT_FOUND');
    for (const cookie of [`a=b; PF=${pf}`, `PF=${pf}; a=b`, `PF=${pf};a`])
        mustBe(await look(cookie), 'OTP_REQUIRED');
    // The first of two counts, or neither.
    mustFail(await look(`PF=${other.jar.cookies.PF}; PF=${pf}`), 404,
             'RESOURCE_NOT_FOUND');
});

test('headers of a page: policy, no sniffing, no framing', async () => {
    const reply = await d.get('/signon/');
    assert.match(reply.headers['content-security-policy'], /default-src 'none'/);
    assert.match(reply.headers['content-security-policy'],
                 /frame-ancestors 'none'/);
    assert.equal(reply.headers['x-content-type-options'], 'nosniff');
    const state = await Flow.begin(d);
    assert.equal(state.reply.headers['x-content-type-options'], 'nosniff');
});

test('D4: pages of the demo and messages on loopback only', async () => {
    assert.equal((await d.get('/messages/')).status, 200);
    assert.equal((await d.get('/demo/')).status, 200);
    const own = await startDaemon({ pages: { demo: false, messages: false } });
    assert.equal((await own.get('/messages/')).status, 404);
    assert.equal((await own.get('/messages/latest')).status, 404);
    assert.equal((await own.get('/demo/')).status, 404);
    assert.equal((await own.get('/signon/')).status, 200);
    const open = await startDaemon((port) => ({
        server: { listen: `0.0.0.0:${port}` } }));
    assert.equal((await open.get('/messages/latest')).status, 404);
    assert.equal((await open.get('/demo/')).status, 404);
});

test('the control socket is the owner\'s, and not on the public listener', async () => {
    for (const path of ['/users', '/status', '/keys/rotate', '/outbox',
                        '/audit/verify', '/backup'])
        assert.equal((await d.get(path)).status, 404, path);
});

// --- A stop

test('SIGTERM: requests under way are answered', async () => {
    const own = await startDaemon({ adapters: { password: {
        answer_after: '1500ms' } } });
    const user = await own.user();
    const flows = [];
    for (let i = 0; i < 8; i++)
        flows.push(await Flow.begin(own));
    const waitingFlow = await Flow.begin(own);
    const parked = waitingFlow.get({ headers: { Prefer: 'wait=60' } });
    await until('one parked', async () =>
        (await own.control('GET', '/status')).json.parked === 1);
    const replies = flows.map((flow) => flow.password(user));
    await sleep(400);
    const began = Date.now();
    const ended = own.stop('SIGTERM');
    for (const reply of await Promise.all(replies))
        mustBe(reply, 'DEVICE_SELECTION_REQUIRED');
    mustBe(await parked, 'USERNAME_PASSWORD_REQUIRED');
    const { status, signal } = await ended;
    assert.equal(status, 0, `${status} ${signal}`);
    assert.ok(Date.now() - began < 9000);
    await assert.rejects(own.get('/readyz'));
    // What was answered is there after the start.
    await own.start();
    mustBe(await flows[0].get(), 'DEVICE_SELECTION_REQUIRED');
});

test('SIGINT stops too; idle connections hold nothing up', async () => {
    const own = await startDaemon();
    const sockets = Array.from({ length: 20 }, () =>
        net.connect(own.port, '127.0.0.1').on('error', () => {}));
    await sleep(100);
    const began = Date.now();
    const { status } = await own.stop('SIGINT');
    assert.equal(status, 0);
    assert.ok(Date.now() - began < 8000);
    for (const socket of sockets)
        socket.destroy();
});

test('the log: one JSON object a line', async () => {
    const own = await startDaemon();
    const user = await own.user();
    const flow = await Flow.begin(own);
    await flow.signOn(user);
    await own.stop();
    const lines = own.output.trim().split('\n')
        .filter((line) => !line.startsWith('factord: warning: '));
    assert.ok(lines.length > 1);
    for (const line of lines)
        assert.equal(typeof JSON.parse(line), 'object', line);
});

await run();
