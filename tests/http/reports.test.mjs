// SPDX-License-Identifier: MIT
// What gateways report, later, of messages that they had taken.
import assert from 'node:assert/strict';

import { startDaemon, until } from './lib/daemon.mjs';
import { Flow, mustBe } from './lib/flow.mjs';
import { startGateway } from './lib/push.mjs';
import { run, test } from './lib/tap.mjs';

const form = (fields) => ({
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(fields).toString() });
const json = (fields) => ({
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(fields) });

// Each in its maker's shape: where the request names the URL, and how its
// reports look.
const makers = {
    twilio: {
        answer: { status: 201, body: '{"sid": "SM1"}' },
        asked: ({ body }) => new URLSearchParams(body.toString())
            .get('StatusCallback'),
        report: (word) => ['POST', form({ MessageSid: 'SM1',
            MessageStatus: word, ErrorCode: '30003' }), ''],
        words: ['queued', 'sent', 'delivered', 'undelivered'],
    },
    vonage: {
        answer: { body: '{"messages": [{"status": "0", "message-id": "x"}]}' },
        asked: ({ body }) => JSON.parse(body).callback,
        report: (word) => ['POST', json({ messageId: 'x', status: word }), ''],
        words: ['accepted', 'buffered', 'delivered', 'rejected'],
    },
    kannel: {
        answer: { status: 202, body: '0: Accepted for delivery' },
        url: '/?text={{text}}',
        asked: ({ path }) => new URL(path, 'http://x').searchParams
            .get('dlr-url'),
        report: (word, url) => ['GET', {}, new URL(
            url.replace('%d', word)).search],
        words: ['4', '8', '1', '2'],
    },
};

async function made(maker = makers.twilio, name = 'twilio', answer)
{
    const gateway = await startGateway(answer ?? (() => maker.answer));
    const daemon = await startDaemon({ delivery: { sms: [
        { plugin: 'http', gateway: name, url: gateway.url + (maker.url ?? ''),
          username: 'AC1', from: 'Acme', password: { $env: 'HOME' },
          reports: true }] } }, { now: Date.now() });
    return { daemon, gateway, user: await daemon.user() };
}

// A sign-on that waits for an SMS, and the URL of that message.
async function waiting({ daemon, gateway, user }, maker = makers.twilio)
{
    const flow = await Flow.begin(daemon), before = gateway.calls.length;
    await flow.password(user);
    await flow.select('SMS');
    const call = await until('the SMS', () => gateway.calls[before]);
    return { flow, url: maker.asked(call) };
}

const settled = async (daemon) => {
    await daemon.settled();
    return daemon.outbox();
};

const state = async (daemon) => (await daemon.outbox()).at(-1).state;

async function report({ daemon }, url, [method, options, query])
{
    assert.ok(url.startsWith(`${daemon.base}/delivery-reports/`), url);
    return (await daemon.request(method, new URL(url).pathname + query,
                                 options)).status;
}

const failed = (reply) => (reply.json.devices ?? []).some((device) =>
    device.deliveryFailed);

for (const [name, maker] of Object.entries(makers)) {
    const [early, later, good, bad] = maker.words;

    test(`D1: ${name} reports that it has arrived`, async () => {
        const at = await made(maker, name);
        const { flow, url } = await waiting(at, maker);
        assert.deepEqual((await settled(at.daemon)).map((row) => row.state),
                         ['sent']);
        for (const word of [early, later]) {
            assert.equal(await report(at, url, maker.report(word, url)), 200);
            assert.equal(await state(at.daemon), 'sent');
        }
        assert.equal(await report(at, url, maker.report(good, url)), 200);
        assert.equal(await state(at.daemon), 'delivered');
        // What has arrived has arrived: reports come in any order.
        assert.equal(await report(at, url, maker.report(bad, url)), 200);
        assert.equal(await state(at.daemon), 'delivered');
        assert.ok(!failed(await flow.get()));
    });

    test(`D1: ${name} reports that it will not arrive`, async () => {
        const at = await made(maker, name);
        const { flow, url } = await waiting(at, maker);
        await at.daemon.settled();
        assert.ok(!failed(await flow.get()));
        assert.equal(await report(at, url, maker.report(bad, url)), 200);
        const [row] = await at.daemon.outbox();
        assert.equal(row.state, 'refused');
        assert.match(row.reason, new RegExp(`tatus ${bad}`));
        assert.ok(failed(await flow.get()));
        assert.match(at.daemon.output, /reported as not delivered/);
        assert.ok(!at.daemon.output.includes(url.split('/').at(-1)));
        assert.equal(await report(at, url, maker.report(good, url)), 200);
        assert.equal(await state(at.daemon), 'refused');
    });
}

test('D1: a report that comes before the gateway has answered', async () => {
    let at = null, early = null;
    at = await made(makers.twilio, 'twilio', async (call) => {
        const url = makers.twilio.asked(call);
        early = report(at, url, makers.twilio.report('undelivered'));
        await until('the report to wait', async () =>
            (await at.daemon.control('GET', '/status')).json.parked > 0);
        return makers.twilio.answer;
    });
    const { flow } = await waiting(at);
    await until('the answer', () => early);
    assert.equal(await early, 200);
    assert.equal(await state(at.daemon), 'refused');
    assert.ok(failed(await flow.get()));
});

test('D1: a report of the message before says nothing of this one',
     async () => {
    const at = await made();
    const { flow, url } = await waiting(at);
    await at.daemon.settled();
    at.daemon.advance(60000);
    mustBe(await flow.act('resendOtp'), 'OTP_REQUIRED');
    await until('the second', () => at.gateway.calls.length === 2);
    await at.daemon.settled();
    assert.equal(await report(at, url,
                              makers.twilio.report('undelivered')), 200);
    assert.ok(!failed(await flow.get()));
    const second = makers.twilio.asked(at.gateway.calls[1]);
    assert.notEqual(second, url);
    assert.equal(await report(at, second,
                              makers.twilio.report('undelivered')), 200);
    assert.ok(failed(await flow.get()));
});

test('D1: only who was given the URL may report', async () => {
    const at = await made();
    const { url } = await waiting(at);
    const { url: other } = await waiting({ ...at,
                                           user: await at.daemon.user() });
    await at.daemon.settled();
    const [base, message, place, token] = /^(.*)\/(.+)\/(.+)\/(.+)$/.exec(url)
        .slice(1);
    const swapped = token.replace(/^./, (c) => c === 'A' ? 'B' : 'A');
    for (const wrong of [
        `${base}/${message}/${place}/${other.split('/').at(-1)}`,
        `${base}/${message}/${place}/${swapped}`,
        `${base}/${message}/${place}/${token}A`,
        `${base}/${message}/${place}/x`,
        `${base}/${message}/1/${token}`,
        `${base}/${message}/0${place}/${token}`,
        `${base}/${message}x/${place}/${token}`,
        `${base}/${'m'.repeat(200)}/${place}/${token}`])
        assert.equal(await report(at, wrong,
                                  makers.twilio.report('undelivered')),
                     404, wrong);
    for (const { state } of await at.daemon.outbox())
        assert.equal(state, 'sent');
});

test('D1: what is no report changes nothing', async () => {
    const at = await made();
    const { url } = await waiting(at);
    await at.daemon.settled();
    const all = 'undelivered';
    for (const what of [
        ['GET', {}, ''],
        ['POST', { ...form({ MessageStatus: all }), headers: {
            'Content-Type': 'text/plain' } }, ''],
        ['POST', json([all]), ''],
        ['POST', json({ MessageStatus: { a: all } }), ''],
        ['POST', { ...json({}), body: '{"MessageStatus": ' }, ''],
        ['POST', { ...form({}), body: 'MessageStatus=%zz&=&&%' }, ''],
        ['POST', form({ MessageStatus: 'UNDELIVERED ' }), '']])
        assert.equal(await report(at, url, what), 200);
    assert.equal(await report(at, url, ['POST', form({
        MessageStatus: all, x: 'x'.repeat(20000) }), '']), 413);
    assert.equal(await report(at, url, ['PUT', {}, '']), 405);
    assert.equal(await state(at.daemon), 'sent');
});

test('D1: reports are asked for only where they are wanted', async () => {
    const gateway = await startGateway(() => makers.twilio.answer);
    const daemon = await startDaemon({ delivery: { sms: [
        { plugin: 'http', gateway: 'twilio', url: gateway.url,
          username: 'AC1', from: 'Acme', password: { $env: 'HOME' } }] } });
    const user = await daemon.user();
    const { url } = await waiting({ daemon, gateway, user });
    assert.equal(url, null);
});

test('D1: after a cut of power a report still finds its message', async () => {
    const at = await made();
    const { flow, url } = await waiting(at);
    await at.daemon.settled();
    await at.daemon.restart('SIGKILL');
    assert.equal(await report(at, url,
                              makers.twilio.report('undelivered')), 200);
    assert.ok(failed(await flow.get()));
});

await run();
