// SPDX-License-Identifier: MIT
// Sockets that are handed over, as systemd does, and what systemd is told.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { freePort, newFolder, startDaemon, until }
    from './lib/daemon.mjs';
import { Flow, mustBe } from './lib/flow.mjs';
import { request } from './lib/http.mjs';
import { atEnd, run, skip, test } from './lib/tap.mjs';

const activate = '/usr/bin/systemd-socket-activate';

// The command that hands over; names as in FileDescriptorName=.  It passes on
// only the environment that it is told of.
function handing(sockets, names)
{
    const environment = Object.keys(process.env)
        .flatMap((name) => ['-E', name]);
    if (!existsSync(activate))
        skip('there is no systemd-socket-activate');
    return [activate, ...environment,
            ...sockets.flatMap((socket) => ['-l', socket]),
            ...(names ? [`--fdname=${names}`] : [])];
}

const loopback = (port) => `127.0.0.1:${port}`;

test('T3: public and admin listener are handed over, by name', async () => {
    const admin = join(newFolder(), 'admin.sock');
    const d = await startDaemon({}, { within: (port) =>
        handing([admin, loopback(port)], 'admin:public') });
    await until('the log', () =>
        /listening on a socket that was handed over/.test(d.output));
    const user = await d.user();
    const flow = await Flow.begin(d);
    mustBe(await flow.signOn(user), 'COMPLETED');
    const ask = (path) => request('GET', `http://localhost${path}`,
                                  { socketPath: admin });
    assert.equal((await ask('/healthz')).status, 200);
    assert.equal((await ask('/signon/')).status, 404); // not of the admin's
    assert.equal((await d.get('/signon/')).status, 200);
});

test('T3: one may be handed over, and the other bound', async () => {
    const port = await freePort();
    const d = await startDaemon({
        server: { admin_listen: loopback(port) } }, { within: (own) =>
        handing([loopback(own)], 'public') });
    const { status } = await request('GET', `http://${loopback(port)}/readyz`);
    assert.equal(status, 200);
    assert.equal((await d.get('/readyz')).status, 200);
});

test('T3: a socket without a use is refused', async () => {
    const refused = async (within, why) => {
        const d = await startDaemon({}, { within, start: false });
        d.launch();
        // A connection, or a datagram, starts it.
        const knock = setInterval(() => d.get('/').catch(() => {}), 50);
        const { status, output } = await d.ended;
        clearInterval(knock);
        assert.equal(status, 78, output);
        assert.match(output, why);
    };
    await refused((port) => handing([loopback(port)]),
                  /a socket named "unknown" was handed over: give it the name/);
    await refused((port) => handing([loopback(port)], 'web'),
                  /a socket named "web" was handed over/);
    const other = join(newFolder(), 'other.sock');
    await refused((port) => handing([loopback(port), other], 'public:public'),
                  /two sockets named "public" were handed over/);
    // More than there are.
    await refused((port) => [...handing([loopback(port)], 'public'), 'env',
                             'LISTEN_FDS=2', 'LISTEN_FDNAMES=public:admin'],
                  /the socket "admin" that was handed over is none that list/);
});

test('D4: messages are not shown where the socket is for others', async () => {
    const d = await startDaemon({}, { within: (port) =>
        handing([`0.0.0.0:${port}`], 'public') });
    assert.equal((await d.get('/messages/')).status, 404);
    assert.equal((await d.get('/demo/')).status, 404);
    const own = await startDaemon({}, { within: (port) =>
        handing([loopback(port)], 'public') });
    assert.equal((await own.get('/messages/')).status, 200);
});

test('what was handed to another process is left alone', async () => {
    const d = await startDaemon({}, { env: {
        LISTEN_PID: '1', LISTEN_FDS: '1', LISTEN_FDNAMES: 'web' } });
    await until('the log', () => /listening on 127\.0\.0\.1:/.test(d.output));
});

// --- What the service manager is told.

// Node has no datagrams of this kind.
const listener = String.raw`
    use Socket;
    socket(my $socket, AF_UNIX, SOCK_DGRAM, 0) or die;
    my $name = $ARGV[0];
    $name =~ s/^@/\0/;
    bind($socket, sockaddr_un($name)) or die $!;
    $| = 1;
    print "bound\n";
    while (defined(recv($socket, my $lines, 4096, 0))) { print "$lines;"; }`;

async function manager(name)
{
    const child = spawn('perl', ['-e', listener, name],
                        { stdio: ['ignore', 'pipe', 'inherit'] });
    const told = { text: '' };
    child.stdout.on('data', (data) => { told.text += data; });
    atEnd(() => child.kill());
    await until('the socket', () => told.text.startsWith('bound\n'));
    told.text = '';
    return told;
}

test('Type=notify: ready, reloading and stopping are told', async () => {
    const names = [join(newFolder(), 'notify'),
                   `@factord-test-${process.pid}`];
    for (const NOTIFY_SOCKET of names) {
        const told = await manager(NOTIFY_SOCKET);
        const d = await startDaemon({}, { env: { NOTIFY_SOCKET },
                                          start: false });
        d.launch();
        await until('READY=1', () => told.text === 'READY=1;');
        assert.equal((await d.get('/readyz')).status, 200);
        d.child.kill('SIGHUP');
        await until('the reload', () => told.text.split(';').length === 4);
        assert.match(told.text,
            /^READY=1;RELOADING=1\nMONOTONIC_USEC=\d{4,};READY=1;$/);
        assert.equal((await d.get('/readyz')).status, 200);
        await d.stop();
        await until('the end', () => told.text.endsWith(';STOPPING=1;'));
    }
});

test('a daemon that cannot start is never told to be ready', async () => {
    const NOTIFY_SOCKET = join(newFolder(), 'notify');
    const told = await manager(NOTIFY_SOCKET);
    const port = await freePort();
    const server = { admin_listen: loopback(port) };
    const first = await startDaemon({ server });
    const d = await startDaemon({ server },
                                { env: { NOTIFY_SOCKET }, start: false });
    d.launch();
    assert.equal((await d.ended).status, 1);
    assert.equal((await first.get('/readyz')).status, 200);
    assert.equal(told.text, '');
});

await run();
