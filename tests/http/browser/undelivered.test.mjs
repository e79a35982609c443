// SPDX-License-Identifier: MIT
// A message that its gateway will not deliver: the page that waits for the
// code says so by itself, and offers the other ways.
import assert from 'node:assert/strict';

import { startGateway } from '../lib/push.mjs';
import { run, test } from '../lib/tap.mjs';
import { visit } from './lib/chrome.mjs';
import { beginDemo, demoDaemon, passcode, password } from './lib/demo.mjs';
import { look } from './lib/looks.mjs';

const refusal = {
    status: 400, body: '{"code": 21211, "message": "no such number"}' };
const gateway = await startGateway(() => gateway.takes ?? refusal);
const daemon = await demoDaemon({ delivery: { sms: [
    { plugin: 'http', gateway: 'twilio', url: gateway.url, reports: true,
      username: 'AC1', from: '+15550100', password: { $env: 'HOME' } }] } });

test('D1: a refused number is told, and the other ways are offered',
     async () => {
    const user = await daemon.user();
    await visit({}, async (visitor) => {
        const tab = await beginDemo(visitor, daemon, 'redirect');
        await password(tab, user);
        await tab.tile('Text message');
        await tab.step('Enter your code');
        await tab.see('The message could not be delivered.');
        assert.equal(await tab.page.$eval('details', (node) => node.open),
                     true);
        await look(tab, 'undelivered');
        await tab.tile('E-mail');
        await tab.see('We sent a code by e-mail');
        await passcode(tab, (await daemon.message(user.email)).code);
        await tab.step('Verified');
    });
});

test('D1: so is a number of which the gateway learns that later', async () => {
    const user = await daemon.user(), before = gateway.calls.length;
    gateway.takes = { status: 201, body: '{"sid": "SM1"}' };
    await visit({}, async (visitor) => {
        const tab = await beginDemo(visitor, daemon, 'redirect');
        await password(tab, user);
        await tab.tile('Text message');
        await tab.step('Enter your code');
        await daemon.settled();
        const form = new URLSearchParams(gateway.calls[before].body.toString());
        const { pathname } = new URL(form.get('StatusCallback'));
        const reply = await daemon.request('POST', pathname, {
            headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
            body: 'MessageStatus=undelivered' });
        assert.equal(reply.status, 200);
        await tab.see('The message could not be delivered.');
        assert.equal(await tab.page.$eval('details', (node) => node.open),
                     true);
    });
});

await run();
