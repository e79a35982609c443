// SPDX-License-Identifier: MIT
// Delivery by mail, against the server of lib/mail.mjs.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { newFolder, startDaemon, until } from './lib/daemon.mjs';
import { Flow, mustBe } from './lib/flow.mjs';
import { password, refusal, startMailServer } from './lib/mail.mjs';
import { Pusher, buildPusher, certificate } from './lib/push.mjs';
import { secret } from './lib/secrets.mjs';
import { run, test } from './lib/tap.mjs';

buildPusher();

const code = secret('code', '483920');
const message = {
    channel: 'email', address: 'joe@example.test', code,
    subject: 'Your code: Grüße, 株式会社 – it is long enough for two words',
    text: `Hello Jürgen <b>,\n\nyour code is ${code}.\nIt holds 5 minutes.\n`,
    variables: { brand: 'Acme & Söhne' },
};

function is(receipt, result, reason)
{
    assert.equal(receipt.status, 0, receipt.error);
    assert.equal(receipt.result, result, receipt.reason);
    if (reason !== undefined)
        assert.equal(receipt.reason, reason);
    return receipt;
}

test('smtp: a mail with all that it needs, over STARTTLS', async () => {
    const mail = await startMailServer();
    const smtp = await Pusher.open('smtp', {
        ...mail.settings, username: 'factord', password,
        reply_to: 'help@acme.test' });
    const now_ms = Date.UTC(2026, 0, 2, 3, 4, 5);
    is(await smtp.deliver({ ...message, id: 'm-1', now_ms }), 'SENT');

    const [{ parsed, session, raw }] = mail.mails;
    assert.equal(session.secure, true);
    assert.equal(session.user, 'factord');
    assert.equal(session.hostNameAppearsAs, 'acme.test');
    assert.equal(session.envelope.mailFrom.address, 'codes@acme.test');
    assert.deepEqual(session.envelope.rcptTo.map((to) => to.address),
                     ['joe@example.test']);
    assert.equal(parsed.subject, message.subject);
    assert.deepEqual([parsed.from.name, parsed.from.address],
                     ['Acme', 'codes@acme.test']);
    assert.equal(parsed.to[0].address, 'joe@example.test');
    assert.equal(parsed.replyTo[0].address, 'help@acme.test');
    assert.equal(parsed.messageId, '<m-1@acme.test>');
    assert.equal(parsed.date, '2026-01-02T03:04:05.000Z');
    assert.match(raw, /^Date: Fri, 2 Jan 2026 03:04:05 \+0000\r$/m);
    const header = (name) =>
        parsed.headers.find(({ key }) => key === name)?.value;
    assert.equal(header('auto-submitted'), 'auto-generated');
    assert.match(header('content-type'), /^multipart\/alternative/);
    assert.equal(parsed.text.trim(), message.text.trim());
    assert.match(parsed.html, /Hello Jürgen &lt;b&gt;,/);
    assert.match(parsed.html, /<strong[^>]*>483920<\/strong>/);
    assert.match(parsed.html, /Acme &amp; Söhne/);
    for (const line of raw.split('\r\n'))
        assert.ok(line.length <= 200 && /^[\x20-\x7e\t]*$/.test(line), line);
});

test('smtp: one connection for many mails, TLS from the first byte',
     async () => {
    const mail = await startMailServer({ secure: true });
    const smtp = await Pusher.open('smtp', { ...mail.settings,
                                             security: 'tls', html: false });
    for (let i = 0; i < 5; i++)
        is(await smtp.deliver(message), 'SENT');
    assert.equal(mail.connections, 1);
    assert.equal(mail.mails[4].parsed.html ?? '', '');
    mail.server.connections.forEach((connection) => connection.close());
    await until('the hang-up', () => mail.server.connections.size === 0);
    is(await smtp.deliver(message), 'SENT');
    assert.equal(mail.connections, 2);
});

test('smtp: no encryption, a wrong certificate: no mail, and no password',
     async () => {
    const plain = await startMailServer({ disabledCommands: ['STARTTLS'] });
    const given = { username: 'factord', password };
    const first = await Pusher.open('smtp', { ...plain.settings, ...given });
    is(await first.deliver(message), 'DEFERRED');
    const mail = await startMailServer();
    const wary = await Pusher.open('smtp', { ...mail.settings, ...given,
                                             ca_file: undefined });
    is(await wary.deliver(message), 'DEFERRED');
    const other = await Pusher.open('smtp', { ...mail.settings, ...given,
                                              host: '127.0.0.1' });
    is(await other.deliver(message), 'DEFERRED');
    assert.equal(plain.mails.length + mail.mails.length, 0);
});

const answers = [
    ['recipient', 550, '5.1.1 <joe@example.test> is 12345 nobody',
     'REFUSED_ADDRESS', '550 5.1.1 ... is ... nobody'],
    ['recipient', 550, 'No such user here', 'REFUSED_ADDRESS'],
    ['recipient', 554, '5.7.1 Relay access denied', 'REFUSED_ACCOUNT'],
    ['recipient', 452, '4.2.2 Mailbox full', 'DEFERRED'],
    ['sender', 553, '5.1.8 Bad sender', 'REFUSED_ACCOUNT'],
    ['sender', 451, '4.3.0 Later', 'DEFERRED'],
    ['data', 552, '5.2.2 Mailbox full', 'REFUSED_ADDRESS'],
    ['data', 554, '5.6.0 We do not like it', 'REFUSED_ACCOUNT'],
    ['data', 421, '4.3.2 Shutting down', 'DEFERRED'],
];

for (const [stage, status, text, result, reason] of answers)
    test(`smtp: ${status} ${text} to ${stage}: ${result}`, async () => {
        let left = 1;
        const mail = await startMailServer({ refuse: {
            [stage]: () => left-- > 0 ? refusal(status, text) : undefined } });
        const smtp = await Pusher.open('smtp', mail.settings);
        is(await smtp.deliver(message), result,
           reason ?? `${status} ${text}`);
        assert.equal(mail.mails.length, 0);
        is(await smtp.deliver(message), 'SENT');
    });

test('smtp: a wrong password is our account\'s', async () => {
    const mail = await startMailServer();
    const smtp = await Pusher.open('smtp', {
        ...mail.settings, username: 'factord', password: 'no' });
    const { reason } = is(await smtp.deliver(message), 'REFUSED_ACCOUNT');
    assert.match(reason, /^535 5\.7\.8/);
});

test('smtp: a server that is gone, or says nothing: later', async () => {
    const mail = await startMailServer({ onConnect: () => {} });
    const silent = await Pusher.open('smtp', mail.settings);
    is(await silent.deliver({ ...message, timeout_ms: 200 }), 'DEFERRED');
    const gone = await Pusher.open('smtp', { ...mail.settings, port: 1 });
    is(await gone.deliver(message), 'DEFERRED');
});

for (const address of ['joe', 'a b@example.test', 'joe@example.test\r\nDATA',
                       'joe@example.test>', '@', 'a@b@c',
                       `${'x'.repeat(250)}@b.test`])
    test(`smtp: ${JSON.stringify(address.slice(0, 30))} is no address`,
         async () => {
        const mail = await startMailServer();
        const smtp = await Pusher.open('smtp', mail.settings);
        is(await smtp.deliver({ ...message, address }), 'REFUSED_ADDRESS');
        assert.equal(mail.connections, 0);
    });

const wrong = [
    [{ host: 'mail.example/x' }, /host is no name/],
    [{ from: 'codes' }, /from is no e-mail address/],
    [{ reply_to: 'x y@z' }, /reply_to is no e-mail address/],
    [{ username: 'x' }, /username and password: both or none/],
    [{ security: 'none', host: 'mail.example' }, /security "none".*starttls/],
    [{ html_layout: '/nowhere' }, /html_layout "\/nowhere" cannot be read/],
];

for (const [settings, text] of wrong)
    test(`smtp: settings ${JSON.stringify(settings)} are refused`,
         async () => {
        await assert.rejects(Pusher.open('smtp', {
            host: 'localhost', from: 'codes@acme.test', ...settings }), text);
    });

test('smtp: a layout of the operator\'s', async () => {
    const file = join(newFolder(), 'layout.html');
    writeFileSync(file, '<h1>{{brand}}: {{subject}}</h1>{{body}}{{other}}');
    const mail = await startMailServer();
    const smtp = await Pusher.open('smtp', { ...mail.settings,
                                             html_layout: file });
    is(await smtp.deliver({ ...message, subject: 'A <b> "c"' }), 'SENT');
    assert.match(mail.mails[0].parsed.html,
                 /<h1>Acme &amp; Söhne: A &lt;b&gt; &quot;c&quot;<\/h1><p/);
});

test('smtp: a sign-on\'s code arrives by mail', async () => {
    const mail = await startMailServer();
    const daemon = await startDaemon({ delivery: { email: [
        { plugin: 'smtp', ...mail.settings }] } });
    const user = await daemon.user();
    const flow = await Flow.begin(daemon);
    await flow.password(user);
    await flow.select('EMAIL');
    const { parsed } = await until('the mail', () => mail.mails[0]);
    assert.equal(parsed.to[0].address, user.email);
    const [, passcode] = /\b(\d{6})\b/.exec(parsed.text);
    secret('mailed code', passcode);
    assert.match(parsed.html, new RegExp(`<strong[^>]*>${passcode}</strong>`));
    mustBe(await flow.check(passcode), 'OTP_VERIFIED',
           ['continueAuthentication']);
});

await run();
