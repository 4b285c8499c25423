// Passkeys: what the server says in base64url becomes what the browser's authenticator takes, and back.

/** Nothing was made or used: the person closed the browser's dialog, or this device has no passkey. */
export class PasskeyCancelled extends Error {
  constructor() {
    super('No passkey was used. Try again, or go on without one.');
  }
}

/** Browsers bind passkeys to a name, never to a bare address, and ask for a secure page. */
export const canUsePasskeys = () =>
  globalThis.isSecureContext && 'PublicKeyCredential' in globalThis
  && !/^[\d.]+$|^\[/.test(location.hostname);

/** Has a device make a passkey for the server's options. */
export async function makePasskey({ public_key: options }) {
  const credential = await ask(() => navigator.credentials.create({
    publicKey: {
      ...options,
      challenge: bytes(options.challenge),
      user: { ...options.user, id: bytes(options.user.id) },
      excludeCredentials: options.excludeCredentials.map(named),
    },
  }));
  const { clientDataJSON, attestationObject } = credential.response;
  return answer(credential, { clientDataJSON, attestationObject });
}

/** Has a device use a passkey for the server's options. */
export async function usePasskey({ public_key: options }) {
  const credential = await ask(() => navigator.credentials.get({
    publicKey: {
      ...options,
      challenge: bytes(options.challenge),
      allowCredentials: options.allowCredentials.map(named),
    },
  }));
  const { clientDataJSON, authenticatorData, signature, userHandle } = credential.response;
  return answer(credential, { clientDataJSON, authenticatorData, signature, userHandle });
}

async function ask(act) {
  try {
    return await act();
  } catch (error) {
    // Browsers say one thing for all of it, so that no page learns what devices there are.
    if (error instanceof DOMException && error.name !== 'InvalidStateError') throw new PasskeyCancelled();
    throw error;
  }
}

function answer(credential, response) {
  const texts = Object.entries(response).filter(([, value]) => value !== null)
    .map(([name, value]) => [name, text(value)]);
  return { id: text(credential.rawId), type: credential.type, response: Object.fromEntries(texts) };
}

const named = ({ id, ...rest }) => ({ ...rest, id: bytes(id) });

function bytes(base64url) {
  const binary = atob(base64url.replace(/-/g, '+').replace(/_/g, '/'));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

function text(buffer) {
  const binary = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(binary).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
}
