// SPDX-License-Identifier: MIT
// tests/http/lib/phone.mjs - a phone of our protocol (doc/phone-protocol.md),
// made with npm jose: it can also say what no honest phone would.
import { createHash, createHmac, randomBytes } from 'node:crypto';

import { calculateJwkThumbprint, exportJWK, generateKeyPair,
         SignJWT } from 'jose';

import { openStream } from './events.mjs';
import { request } from './http.mjs';
import { secret } from './secrets.mjs';

export const statementType = 'factor-phone+jwt';

export function sign(key, claims, header = {})
{
    return new SignJWT(claims)
        .setProtectedHeader({ alg: 'ES256', typ: statementType, ...header })
        .sign(key);
}

// Where a pairing link leads.
export function readLink(link)
{
    return Object.fromEntries(new URLSearchParams(new URL(link).hash.slice(1)));
}

export class Phone {
    constructor(daemon)
    {
        this.daemon = daemon;
    }

    static async make(daemon)
    {
        const phone = new Phone(daemon);
        await phone.newKey();
        const { json } = await daemon.get('/.well-known/factor-phone');
        phone.discovery = json;
        phone.issuer = json.issuer;
        phone.path = new URL(json.endpoint).pathname;
        return phone;
    }

    async newKey()
    {
        const pair = await generateKeyPair('ES256', { extractable: true });
        const { kty, crv, x, y } = await exportJWK(pair.publicKey);
        this.key = pair.privateKey;
        this.jwk = { kty, crv, x, y };
    }

    // The host's time, when its clock is in a file.
    seconds()
    {
        return Math.floor(this.daemon.now() / 1000);
    }

    application(name = 'Authenticator')
    {
        return this.discovery.applications.find((one) => one.name === name).id;
    }

    claims(purpose, more = {})
    {
        return { v: 1, purpose, aud: this.issuer, iat: this.seconds(),
                 ...(this.device && { device: this.device, user: this.user }),
                 ...more };
    }

    // body: a statement of these claims, or what is given.
    async post(path, statement, { headers = {}, body } = {})
    {
        return this.daemon.request('POST', this.path + path, {
            headers: { 'Content-Type': 'application/json', ...headers },
            body: JSON.stringify(body ?? { statement }),
            timeout: 70000,
        });
    }

    async say(path, purpose, more, options = {})
    {
        const claims = { ...this.claims(purpose, more), ...options.claims };
        return this.post(path, await sign(options.key ?? this.key, claims,
                                          options.header), options);
    }

    async pair(linkOrKey, more = {})
    {
        const key = linkOrKey.includes('#') ? readLink(linkOrKey).key
                                            : linkOrKey;
        const claims = this.claims('pair', {
            key, application: this.application(), name: 'Pixel 8',
            platform: 'android', ...more });
        const reply = await this.post('/pairings', null, {
            body: { key: this.jwk, statement: await sign(this.key, claims) } });
        if (reply.status < 300) {
            this.device = reply.json.device;
            this.user = reply.json.user.id;
            this.passcode = reply.json.passcode;
            secret('phone passcode secret', this.passcode.secret);
        }
        return reply;
    }

    get here()
    {
        return `/devices/${this.device}`;
    }

    requests({ wait, known, ...options } = {})
    {
        return this.say(`${this.here}/requests`, 'requests', { known }, {
            headers: wait ? { Prefer: `wait=${wait}` } : {}, ...options });
    }

    // What a phone knows that was told this.
    static known({ status, name, requests })
    {
        return { status, name,
                 requests: requests.map(({ challenge }) => challenge) };
    }

    async stream()
    {
        const statement = await sign(this.key, this.claims('requests'));
        return openStream(`${this.daemon.local}${this.path}${this.here}` +
                          '/requests', { body: { statement } });
    }

    async waiting(options)
    {
        const { json } = await this.requests(options);
        return json.requests[0];
    }

    answerClaims(asked, decision, more = {})
    {
        return { request: asked.id, challenge: asked.challenge,
                 client: asked.client, host: asked.host,
                 nonce: randomBytes(16).toString('base64url'), decision,
                 exp: this.seconds() + 60, ...more };
    }

    answer(asked, decision, more, options)
    {
        return this.say(`${this.here}/answers`, 'answer',
                        this.answerClaims(asked, decision, more), options);
    }

    // RFC 6238 with SHA-1.
    code(shift = 0)
    {
        return totp(this.passcode.secret, this.daemon.now(), shift);
    }

    // Section 1: what user and page compare.
    async check()
    {
        const digits = 'ABCDEFGHJKMNPQRSTVWXYZ0123456789';
        const print = await calculateJwkThumbprint(this.jwk);
        const hash = createHash('sha256').update(`factor-check:${print}`)
            .digest();
        const bits = hash.readUInt32BE(0);
        return [27, 22, 17, 12, 7, 2].map((at) =>
            digits[(bits >>> at) & 31]).join('');
    }

    async payload(client, more = {}, header = {})
    {
        return sign(this.key, {
            ...this.claims('payload'), key: this.jwk, client,
            application: this.application(), name: 'Pixel 8',
            platform: 'android', jti: randomBytes(16).toString('base64url'),
            ...more }, header);
    }
}

export function totp(base32, ms, shift = 0)
{
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
    const bits = [...base32].map((one) =>
        alphabet.indexOf(one).toString(2).padStart(5, '0')).join('');
    const key = Buffer.from(bits.match(/.{8}/g).map((one) => parseInt(one, 2)));
    const counter = Buffer.alloc(8);
    counter.writeBigInt64BE(BigInt(Math.floor(ms / 30000) + shift));
    const mac = createHmac('sha1', key).update(counter).digest();
    const at = mac[19] & 15;
    return String((mac.readUInt32BE(at) & 0x7fffffff) % 1000000)
        .padStart(6, '0');
}

export { request };
