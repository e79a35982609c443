// SPDX-License-Identifier: MIT
// The pages in the colours of another service: name, logo and colour come
// from the configuration, and so do mails; no installed file is touched.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { newFolder, startDaemon, until } from '../lib/daemon.mjs';
import { startMailServer } from '../lib/mail.mjs';
import { secret } from '../lib/secrets.mjs';
import { run, test } from '../lib/tap.mjs';
import { visit } from './lib/chrome.mjs';
import { beginDemo, demoDaemon, passcode, password } from './lib/demo.mjs';
import { look } from './lib/looks.mjs';

const logo = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10">' +
    '<circle cx="5" cy="5" r="5" fill="#7a1fa2"/></svg>';

function brand(over)
{
    const file = join(newFolder(), 'acme.svg');
    writeFileSync(file, logo);
    return { name: 'Acme & <Söhne>', logo: file, accent: '#7a1fa2', ...over };
}

// One pixel.
const png = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlE' +
    'QVR42mNkqBD/DwACqgGPtLEDnwAAAABJRU5ErkJggg==', 'base64');

function picture()
{
    const file = join(newFolder(), 'acme.png');
    writeFileSync(file, png);
    return file;
}

const accent = (tab) => tab.page.evaluate(() =>
    getComputedStyle(document.documentElement).getPropertyValue('--accent'));

test('brand: name, logo and colour on all pages, in both schemes',
     async () => {
    const mail = await startMailServer();
    const daemon = await demoDaemon({
        brand: brand(),
        delivery: { email: [{ plugin: 'smtp', ...mail.settings,
                              from: 'codes@acme.test', logo: picture(),
                              from_name: 'Acme codes' }] } });
    const user = await daemon.user();
    await visit({}, async (visitor) => {
        const tab = await beginDemo(visitor, daemon, 'redirect');
        await tab.step('Sign in');
        assert.equal(await tab.page.title(), 'Sign in – Acme & <Söhne>');
        assert.equal(await tab.page.$eval('.brand', (node) =>
            node.textContent), 'Acme & <Söhne>');
        const picture = await tab.page.$eval('.brand img', async (node) => {
            await node.decode();
            return [node.src, await (await fetch(node.src)).text()];
        });
        assert.deepEqual(picture, [`${daemon.base}/common/brand.svg`, logo]);
        assert.equal(await accent(tab), '#7a1fa2');
        await look(tab, 'brand-password');
        await password(tab, user);
        await tab.step('Confirm it’s you');
        await look(tab, 'brand-devices');
        await tab.tile('E-mail');
        await tab.step('Enter your code');

        // The mail that came meanwhile.
        const { parsed } = await until('the mail', () => mail.mails[0]);
        assert.deepEqual([parsed.from.name, parsed.from.address],
                         ['Acme codes', 'codes@acme.test']);
        assert.match(parsed.text, /Acme & <Söhne>/);
        assert.match(parsed.html, /Acme &amp; &lt;Söhne&gt;/);
        assert.match(parsed.html, /#7a1fa2/);
        assert.match(parsed.html, /<img src="cid:logo"/);
        const [shown, ...more] = parsed.attachments;
        assert.equal(more.length, 0);
        assert.deepEqual([shown.mimeType, shown.contentId, shown.disposition],
                         ['image/png', '<logo>', 'inline']);
        assert.deepEqual(Buffer.from(shown.content), png);
        await passcode(tab, secret('sent code',
                                   /\b(\d{6})\b/.exec(parsed.text)[1]));
        await tab.step('Verified');

        await tab.scheme('light'); // look() has left the dark one
        for (const path of ['/', '/demo/', '/messages/', '/demo/nothing']) {
            await tab.open(daemon.base + path);
            assert.match(await tab.page.title(), /Acme & <Söhne>$/, path);
            await tab.see('Acme & <Söhne>');
            assert.equal(await accent(tab), '#7a1fa2', path);
        }
        tab.refused('GET /demo/nothing 404');
        await tab.open(`${daemon.base}/authenticator/`);
        assert.equal(await accent(tab), '#7a1fa2');
    });
});

test('brand: without one the pages are ours', async () => {
    const daemon = await demoDaemon();
    await visit({}, async (visitor) => {
        const tab = await beginDemo(visitor, daemon, 'redirect');
        await tab.step('Sign in');
        assert.equal(await tab.page.title(), 'Sign in – factord');
        assert.equal(await accent(tab), '#0b6b6f');
        assert.ok(!(await tab.page.content()).includes('{{'));
    });
});

test('brand: what nobody could read or see is refused at the start',
     async () => {
    for (const [over, said] of [
        [{ accent: '#ffdd00' }, /too pale to be read on white/],
        [{ accent: 'purple' }, /"purple" is not a colour; write #RRGGBB/],
        [{ logo: 'acme.gif' }, /acme\.gif" is not a picture/],
    ])
        await assert.rejects(startDaemon({ brand: brand(over) }), said);
});

await run();
