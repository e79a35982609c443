// SPDX-License-Identifier: MIT
// Delivery by HTTP gateways: requests from templates, answers by rules.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';

import { factord, startDaemon, until } from './lib/daemon.mjs';
import { Flow, mustBe } from './lib/flow.mjs';
import { Pusher, buildPusher, startGateway } from './lib/push.mjs';
import { secret } from './lib/secrets.mjs';
import { run, test } from './lib/tap.mjs';

buildPusher();

const password = secret('gateway password', 'tok&en="<1>"');
const code = secret('code', '730164');
const message = {
    channel: 'sms', address: '+4915112345678', code,
    subject: 'S', variables: { brand: 'Acme' },
    text: `Größe & "Preis" <x>: ${code} \\ 100%\n@acme.test #${code}`,
};
const account = { username: 'AC1', password, from: '+1555' };

function is(receipt, result, reason)
{
    assert.equal(receipt.status, 0, receipt.error);
    assert.equal(receipt.result, result, receipt.reason);
    if (reason !== undefined)
        assert.equal(receipt.reason, reason);
    return receipt;
}

const json = (status, body, headers = {}) =>
    ({ status, headers, body: JSON.stringify(body) });

// --- Requests

async function sent(settings, over = {})
{
    const gateway = await startGateway(() => json(200, {}));
    const given = { ...account, ...settings };
    if (given.url)
        given.url = gateway.url + given.url;
    const http = await Pusher.open('http', given);
    is(await http.deliver({ ...message, ...over }), 'SENT');
    return gateway.calls[0];
}

test('http: values in a URL and a form are percent-encoded', async () => {
    const { method, path, body, headers } = await sent({
        url: '/send/{{to}}?t={{text}}&k={{password}}',
        body: 'to={{to}}&text={{text}}' });
    assert.equal(method, 'POST');
    const url = new URL(path, 'http://x');
    assert.equal(decodeURIComponent(url.pathname), `/send/${message.address}`);
    assert.equal(url.searchParams.get('t'), message.text);
    assert.equal(url.searchParams.get('k'), password);
    const form = new URLSearchParams(body.toString());
    assert.deepEqual([form.get('to'), form.get('text')],
                     [message.address, message.text]);
    assert.equal(headers['content-type'], 'application/x-www-form-urlencoded');
    assert.equal(headers.authorization, undefined);
});

test('http: values in JSON end no string', async () => {
    const { body, headers } = await sent({
        url: '/', method: 'PUT', body_type: 'json', authorization: 'bearer',
        body: '{"to": "{{to_digits}}", "text": "{{text}}", "id": "{{id}}"}' },
        { id: 'm-1' });
    assert.deepEqual(JSON.parse(body), {
        to: '4915112345678', text: message.text, id: 'm-1' });
    assert.equal(headers['content-type'], 'application/json');
    assert.equal(headers.authorization, `Bearer ${password}`);
});

test('http: values in XML end no element, values in a header no line',
     async () => {
    const { body, headers } = await sent({
        url: '/', body_type: 'xml', authorization: 'basic',
        headers: { 'X-Text': '{{text}}' },
        body: '<m brand="{{brand}}">{{text}}</m>' });
    const text = /^<m brand="Acme">(.*)<\/m>$/s.exec(body.toString())[1];
    assert.ok(!/[<>"]/.test(text));
    assert.equal(text.replace(/&#(\d+);/g, (_, n) => String.fromCharCode(n)),
                 message.text);
    assert.ok(!headers['x-text'].includes('\n'));
    assert.equal(headers.authorization, `Basic ${
        Buffer.from(`AC1:${password}`).toString('base64')}`);
});

test('http: a GET has no body', async () => {
    const { method, body, headers } = await sent({ url: '/x', method: 'GET' });
    assert.equal(method, 'GET');
    assert.equal(body.length, 0);
    assert.equal(headers['content-type'], undefined);
});

test('http: a voice reads the code digit by digit', async () => {
    const { body } = await sent({ url: '/', body: 'say={{speech}}' },
                                { text: `Your code is ${code}.` });
    assert.equal(new URLSearchParams(body.toString()).get('say'),
                 'Your code is 7, 3, 0, 1, 6, 4.');
});

// --- Answers

const answers = [
    [{}, 200, '', 'SENT'],
    [{}, 500, 'oops 123456 at a@b', 'DEFERRED', '500 oops  at a@b'],
    [{}, 429, '', 'DEFERRED'],
    [{}, 401, '', 'REFUSED_ACCOUNT'],
    [{}, 302, '', 'REFUSED_ACCOUNT'],
    [{ rules: [{ status: '4xx', pointer: '/e/0/c~1d', values: ['7'],
                 result: 'refused_address' }] },
     404, '{"e": [{"c/d": 7}]}', 'REFUSED_ADDRESS'],
    [{ rules: [{ status: '4xx', pointer: '/e', values: ['7'],
                 result: 'refused_address' }] },
     404, '{"e": 8}', 'REFUSED_ACCOUNT'],
    [{ rules: [{ pointer: '/error', result: 'later' }] },
     200, '{"error": null}', 'DEFERRED'],
    [{ rules: [{ pointer: '/error', result: 'later' }] },
     200, '[not json', 'SENT'],
    [{ rules: [{ status: '200-299', result: 'refused_account' }] },
     202, '', 'REFUSED_ACCOUNT'],
];

for (const [settings, status, body, result, reason] of answers)
    test(`http: ${status} ${body} by ${JSON.stringify(settings)}: ${result}`,
         async () => {
        const gateway = await startGateway(() => ({ status, body }));
        const http = await Pusher.open('http', {
            url: `${gateway.url}/`, ...settings });
        is(await http.deliver(message), result, reason);
    });

test('http: Retry-After is obeyed, a reference kept', async () => {
    const gateway = await startGateway(({ path }) => path === '/busy'
        ? { status: 503, headers: { 'Retry-After': '7' } }
        : json(201, { a: { id: 123 } }));
    const busy = await Pusher.open('http', { url: `${gateway.url}/busy` });
    const now_ms = Date.now();
    assert.equal(is(await busy.deliver({ ...message, now_ms }), 'DEFERRED')
        .retry_at_ms, now_ms + 7000);
    const good = await Pusher.open('http', { url: `${gateway.url}/`,
                                             reference: '/a/id' });
    assert.equal(is(await good.deliver(message), 'SENT').reference, '123');
});

test('http: a gateway that hangs is given up, and works again after', async () => {
    const held = [];
    const gateway = await startGateway(() => gateway.well ? json(200, {})
        : new Promise((done) => held.push(done)));
    const http = await Pusher.open('http', { url: `${gateway.url}/` });
    const hung = await http.deliver({ ...message, timeout_ms: 200 });
    assert.notEqual(hung.status, 0); // counts as deferred
    gateway.well = true;
    held.forEach((done) => done());
    is(await http.deliver(message), 'SENT');
});

// --- Gateways as their makers document them

const gateways = {
    twilio: {
        check({ method, path, body, headers }) {
            assert.equal(method, 'POST');
            const form = new URLSearchParams(body.toString());
            assert.deepEqual(Object.fromEntries(form), {
                To: message.address, From: '+1555', Body: message.text });
            assert.match(headers.authorization, /^Basic /);
        },
        answers: [
            [json(201, { sid: 'SM1', status: 'queued' }), 'SENT'],
            [json(400, { code: 21211, message: 'no' }), 'REFUSED_ADDRESS'],
            [json(400, { code: 21408, message: 'no' }), 'REFUSED_ACCOUNT'],
            [json(401, { code: 20003 }), 'REFUSED_ACCOUNT'],
            [json(429, { code: 20429 }), 'DEFERRED'],
        ],
    },
    'twilio-voice': {
        check({ body }) {
            const form = new URLSearchParams(body.toString());
            assert.equal(form.get('To'), message.address);
            assert.match(form.get('Twiml'), new RegExp(
                '^<Response><Say language="en" loop="2">Gr.*7, 3, 0, 1, 6, 4' +
                '.*</Say></Response>$', 's'));
            assert.ok(form.get('Twiml').includes('&#60;x&#62;'));
        },
        answers: [[json(201, { sid: 'CA1' }), 'SENT']],
    },
    vonage: {
        check({ body }) {
            const { text, to, api_key: key, api_secret: word, type } =
                JSON.parse(body);
            assert.deepEqual([text, to, key, word, type], [
                message.text, '4915112345678', 'AC1', password, 'unicode']);
        },
        answers: [
            [json(200, { messages: [{ status: '0', 'message-id': 'x' }] }),
             'SENT'],
            [json(200, { messages: [{ status: '1' }] }), 'DEFERRED'],
            [json(200, { messages: [{ status: '4' }] }), 'REFUSED_ACCOUNT'],
            [json(200, { messages: [{ status: '7' }] }), 'REFUSED_ADDRESS'],
            [json(500, {}), 'DEFERRED'],
        ],
    },
    kannel: {
        check({ method, path }) {
            assert.equal(method, 'GET');
            const { searchParams } = new URL(path, 'http://x');
            assert.deepEqual(Object.fromEntries(searchParams), {
                username: 'AC1', password, from: '+1555',
                to: message.address, charset: 'UTF-8', coding: '2',
                text: message.text });
        },
        answers: [
            [{ status: 202, body: '0: Accepted for delivery' }, 'SENT'],
            [{ status: 403, body: 'Authorization failed' },
             'REFUSED_ACCOUNT'],
            [{ status: 503, body: 'Temporal failure' }, 'DEFERRED'],
        ],
    },
};

// Their URLs lead elsewhere: only the place is changed.
const paths = {
    twilio: '/2010-04-01/Accounts/{{username}}/Messages.json',
    'twilio-voice': '/2010-04-01/Accounts/{{username}}/Calls.json',
    vonage: '/sms/json',
    kannel: '/cgi-bin/sendsms?username={{username}}&password={{password}}' +
            '&from={{from}}&to={{to}}&charset=UTF-8&coding=2&text={{text}}',
};

for (const [name, { check, answers: each }] of Object.entries(gateways))
    test(`http: ${name}`, async () => {
        const queue = each.map(([answer]) => answer);
        const gateway = await startGateway(() => queue.shift());
        const http = await Pusher.open('http', {
            gateway: name, ...account, url: gateway.url + paths[name] });
        for (const [, result] of each)
            is(await http.deliver({ ...message, language: 'en' }), result);
        gateway.calls.forEach(check);
    });

// --- Settings

const wrong = [
    [{}, /url: give one, or a gateway/],
    [{ url: 'ftp://x/' }, /begins neither with https: nor http:/],
    [{ url: 'https://x/{{too}}' }, /url names \{\{too\}\}/],
    [{ url: 'https://x/', body: '{{to|html}}' }, /body names \{\{to\|html\}\}/],
    [{ url: 'https://x/', headers: { A: '{{from}}' } },
     /headers names \{\{from\}\}, which is not known, or not set/],
    [{ gateway: 'twilio', username: 'x', from: 'y' }, /password missing/],
    [{ url: 'https://x/', rules: [{ status: '4x', result: 'later' }] },
     /rules: a status is none of/],
    [{ url: 'https://x/', rules: [{ pointer: 'a', result: 'later' }] },
     /does not begin with/],
    [{ url: 'https://x/', rules: [{ status: '200', values: ['1'],
                                    result: 'later' }] },
     /values without a pointer/],
    [{ url: 'https://x/', rules: [{ result: 'later' }] }, /says nothing/],
    [{ url: 'https://x/', reference: 'a' }, /reference: does not begin/],
    [{ url: 'https://x/', reports: true }, /report_request is missing/],
    [{ url: 'https://x/', report_rules: [{ pointer: 'a',
                                           result: 'delivered' }] },
     /report_rules: a pointer does not begin/],
];

for (const [settings, text] of wrong)
    test(`http: settings ${JSON.stringify(settings)} are refused`,
         () => assert.rejects(Pusher.open('http', settings), text));

test('http: the schema names the gateways', () => {
    const { stdout } = spawnSync(factord, ['--print-schema', 'delivery-http'],
                                 { encoding: 'utf8' });
    assert.match(stdout, /"twilio-voice"/);
});

// --- A deployment

test('http: one change of configuration moves SMS to a gateway', async () => {
    const gateway = await startGateway(() => json(200, {
        messages: [{ status: '0', 'message-id': 'x' }] }));
    const daemon = await startDaemon({ delivery: { sms: [
        { plugin: 'http', gateway: 'vonage', url: `${gateway.url}/sms/json`,
          username: 'key', from: 'Acme', password: { $env: 'HOME' } }] } });
    const user = await daemon.user();
    const flow = await Flow.begin(daemon);
    await flow.password(user);
    await flow.select('SMS');
    const [{ body }] = await until('the SMS', () => gateway.calls.length > 0 &&
                                                    gateway.calls);
    const [, passcode] = /\b(\d{6})\b/.exec(JSON.parse(body).text);
    secret('sent code', passcode);
    mustBe(await flow.check(passcode), 'OTP_VERIFIED',
           ['continueAuthentication']);
});

await run();
