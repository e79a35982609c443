// SPDX-License-Identifier: MIT
// Keys, by WebCrypto: no private key and no passcode's secret can be read back.

const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const HEADER = { alg: 'ES256', typ: 'factor-phone+jwt' };
const CHECK = 'ABCDEFGHJKMNPQRSTVWXYZ0123456789';
const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
// Of thumbprints (RFC 7638), in this order.
const MEMBERS = { EC: ['crv', 'kty', 'x', 'y'], RSA: ['e', 'kty', 'n'] };

const { subtle } = crypto;
const utf8 = (text) => new TextEncoder().encode(text);
const sha256 = (text) => subtle.digest('SHA-256', utf8(text));
const base64url = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes)))
  .replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');

export const encode = (value) => base64url(utf8(JSON.stringify(value)));
export const nonce = () => base64url(crypto.getRandomValues(new Uint8Array(16)));
export const thumbprint = async (jwk) => base64url(await sha256(JSON.stringify(jwk, MEMBERS[jwk.kty] ?? [])));

export async function makeKeys() {
  const { privateKey, publicKey } = await subtle.generateKey(EC, false, ['sign']);
  const { kty, crv, x, y } = await subtle.exportKey('jwk', publicKey);
  return { privateKey, jwk: { kty, crv, x, y } };
}

// What user and page compare: "K7QF2M".
export async function checkValue(jwk) {
  const bits = new DataView(await sha256(`factor-check:${await thumbprint(jwk)}`)).getUint32(0);
  return [27, 22, 17, 12, 7, 2].map((shift) => CHECK[bits >>> shift & 31]).join('');
}

export async function sign(claims, { privateKey }) {
  const input = `${encode(HEADER)}.${encode(claims)}`;
  return `${input}.${base64url(await subtle.sign(EC, privateKey, utf8(input)))}`;
}

// --- RFC 6238. ---

export function passcodeKey(base32) {
  const bits = [...base32].map((letter) => BASE32.indexOf(letter).toString(2).padStart(5, '0')).join('');
  const bytes = Uint8Array.from(bits.match(/.{8}/g), (byte) => parseInt(byte, 2));
  return subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-1' }, false, ['sign']);
}

export async function passcodeAt({ key, digits, period }, seconds) {
  const counter = new DataView(new ArrayBuffer(8));
  counter.setBigUint64(0, BigInt(Math.floor(seconds / period)));
  const mac = new DataView(await subtle.sign('HMAC', key, counter));
  const value = mac.getUint32(mac.getUint8(19) & 15) & 0x7fffffff;
  return String(value % 10 ** digits).padStart(digits, '0');
}
