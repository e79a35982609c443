// SPDX-License-Identifier: MIT
// tests/http/lib/mail.mjs - a mail server that no one here wrote (npm
// smtp-server), and mails read by a reader that no one here wrote.
import { readFileSync } from 'node:fs';

import PostalMime from 'postal-mime';
import { SMTPServer } from 'smtp-server';

import { certificate } from './push.mjs';
import { secret } from './secrets.mjs';
import { atEnd } from './tap.mjs';

// Of the user "factord".
export const password = secret('mail password', 'b7!submission-word');

// A refusal as the server says it: code, and text with an enhanced code.
export function refusal(code, text)
{
    return Object.assign(new Error(text), { responseCode: code });
}

// refuse: { recipient, sender, data }: functions that give a refusal or not.
export async function startMailServer({ secure = false, refuse = {},
                                        ...over } = {})
{
    const { key, cert } = certificate();
    const mails = [];
    const server = new SMTPServer({
        secure, key: readFileSync(key), cert: readFileSync(cert),
        authOptional: true, disableReverseLookup: true, logger: false,
        onConnect: (session, done) => { mail.connections += 1; done(); },
        onAuth: (auth, session, done) =>
            auth.username === 'factord' && auth.password === password
                ? done(null, { user: 'factord' })
                : done(refusal(535, '5.7.8 No such user or password')),
        onMailFrom: (address, session, done) =>
            done(refuse.sender?.(address.address)),
        onRcptTo: (address, session, done) =>
            done(refuse.recipient?.(address.address)),
        onData: async (stream, session, done) => {
            const chunks = [];
            for await (const chunk of stream)
                chunks.push(chunk);
            const no = refuse.data?.();
            if (!no)
                mails.push({ raw: Buffer.concat(chunks).toString('latin1'),
                             parsed: await PostalMime.parse(
                                 Buffer.concat(chunks)),
                             session: structuredClone({
                                 secure: session.secure, user: session.user,
                                 hostNameAppearsAs: session.hostNameAppearsAs,
                                 envelope: session.envelope }) });
            done(no);
        },
        ...over,
    });
    const mail = { mails, server, connections: 0 };
    server.on('error', () => {}); // who hangs up is the test's matter
    await new Promise((done) => server.listen(0, '127.0.0.1', done));
    mail.port = server.server.address().port;
    server.server.unref();
    atEnd(() => server.close());
    mail.settings = { host: 'localhost', port: mail.port,
                      from: 'codes@acme.test', from_name: 'Acme',
                      ca_file: cert };
    return mail;
}
