// SPDX-License-Identifier: MIT
// Resources that may wait, as streams of events.
import assert from 'node:assert/strict';

import { startDaemon, until } from './lib/daemon.mjs';
import { openStream } from './lib/events.mjs';
import { raw } from './lib/http.mjs';
import { pluginFolder } from './lib/plugins.mjs';
import { run, test } from './lib/tap.mjs';

const config = (flow) => ({
    plugin_directory: pluginFolder(['adapter-bell'],
                                   ['bell-ready.mjs', 'bell-broken.mjs']),
    adapters: { bell: { plugin: 'bell' } }, flow,
});
const d = await startDaemon(config({ stream_heartbeat: '1min' }));
const quick = await startDaemon(config({ stream_heartbeat: '100ms',
                                         stream_limit: '1s', parked_max: 0 }));
const env = (await d.control('GET', '/status')).json.environment;
const quickEnv = (await quick.control('GET', '/status')).json.environment;

const ring = (bell, tone = 'ding', daemon = d) =>
    daemon.request('POST', `/bells/${bell}`, {
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ tone }) });
const listen = (bell, { seen = 0, ...options } = {}) =>
    openStream(`${d.local}/${env}/bells/${bell}/wait`,
               { body: { seen }, ...options });
const parked = async (daemon = d) =>
    (await daemon.control('GET', '/status')).json.parked ?? 0;
const parks = (count) =>
    until(`${count} parked`, async () => await parked() === count);

test('a stream tells the answer, and each one that differs', async () => {
    const stream = await listen('one');
    assert.equal(stream.status, 200);
    assert.match(stream.headers['content-type'], /^text\/event-stream/);
    assert.match(stream.headers['cache-control'], /no-store/);
    assert.equal(stream.headers['x-accel-buffering'], 'no');
    assert.equal(stream.headers['access-control-allow-origin'], '*');
    assert.equal(stream.headers['content-length'], undefined);
    const { event, data } = await stream.next();
    assert.equal(event, 'message');
    assert.deepEqual([data.rung, data.wrong], [0, 0]);
    assert.ok(Math.abs(data.time - d.now() / 1000) <= 2);
    // The verdict is the plugin's, and a stream goes on behind either.
    for (let i = 1; i <= 3; i++) {
        await ring('one');
        assert.equal((await stream.next()).data.rung, i);
    }
    stream.close();
});

test('who does not ask for a stream, or where there is none, gets JSON',
     async () => {
    for (const accept of ['application/json', '*/*']) {
        const { headers, status } = await listen('b', { headers: {
            Accept: accept } });
        assert.equal(status, 200);
        assert.match(headers['content-type'], /^application\/json/);
    }
    await ring('b');
    const look = await openStream(`${d.local}/bells/b`, { method: 'GET' });
    assert.match(look.headers['content-type'], /^application\/json/);
    assert.equal(await look.ended, 'end');
});

test('a refusal before the first event has its status', async () => {
    const refused = await listen('b', { seen: 'x' });
    assert.equal(refused.status, 400);
    assert.match(refused.headers['content-type'], /^application\/json/);
});

test('S7: a stream is one parked request; a third takes the oldest\'s place',
     async () => {
    await parks(0);
    const streams = [];
    for (let i = 0; i < 3; i++) {
        streams.push(await listen('four'));
        await streams[i].next();
        await parks(Math.min(i + 1, 2));
    }
    assert.equal(await streams[0].ended, 'end');
    await ring('four');
    for (const stream of streams.slice(1))
        assert.equal((await stream.next()).data.rung, 1);
    streams[1].close();
    streams[2].close();
});

test('S7: a client that left is noticed', async () => {
    await parks(0);
    const stream = await listen('five');
    await stream.next();
    await parks(1);
    stream.close();
    await parks(0);
});

test('S7: without a place it tells the answer and ends', async () => {
    const stream = await openStream(
        `${quick.local}/${quickEnv}/bells/b/wait`, { body: {} });
    assert.equal((await stream.next()).data.rung, 0);
    assert.equal(await stream.ended, 'end');
    assert.equal(stream.text.includes('\n:'), false);
});

test('signs of life, and an end after its time', async () => {
    const own = await startDaemon(config({ stream_heartbeat: '100ms',
                                           stream_limit: '2s' }));
    const at = (await own.control('GET', '/status')).json.environment;
    const stream = await openStream(`${own.local}/${at}/bells/b/wait`,
                                    { body: {} });
    await until('two signs of life', () => stream.beats.length >= 2);
    await ring('b', 'ding', own);
    await stream.next();
    assert.equal((await stream.next()).data.rung, 1);
    await until('another one', () => stream.beats.length >= 3);
    assert.equal(await stream.ended, 'end');
    assert.equal(stream.events.length, 0);
});

test('the connection is of use afterwards', async () => {
    const { Agent } = await import('node:http');
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const body = {};
    const url = `${quick.local}/${quickEnv}/bells/b/wait`;
    for (let i = 0; i < 3; i++) {
        const stream = await openStream(url, { body, agent });
        assert.equal(await stream.ended, 'end');
        assert.equal(stream.call.reusedSocket, i > 0);
    }
    agent.destroy();
});

test('HTTP/1.0, as proxies speak it: until the connection ends', async () => {
    const body = '{}';
    const { text, closed } = await raw(quick.port, [
        `POST /${quickEnv}/bells/b/wait HTTP/1.0\r\nHost: x\r\n` +
        'Accept: text/event-stream\r\nContent-Type: application/json\r\n' +
        `Content-Length: ${body.length}\r\n\r\n${body}`]);
    assert.match(text, /\r\n\r\ndata: {[^\n]*}\n\n$/);
    assert.equal(closed, true);
});

test('a stop ends streams well', async () => {
    const own = await startDaemon(config());
    const at = (await own.control('GET', '/status')).json.environment;
    const streams = await Promise.all(['a', 'b', 'c'].map((bell) =>
        openStream(`${own.local}/${at}/bells/${bell}/wait`, { body: {} })));
    await until('them to wait', async () => await parked(own) === 3);
    const { status, output } = await own.stop();
    assert.equal(status, 0);
    for (const stream of streams)
        assert.equal(await stream.ended, 'end');
    assert.doesNotMatch(output, /still held/);
});

await run();
