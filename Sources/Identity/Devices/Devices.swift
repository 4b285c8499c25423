internal import Cryptography
internal import Postgres
internal import Values

/// How many devices a person has and how long they are known.
enum DeviceRules {
    /// One more makes the one forgotten that was used longest ago.
    static let perPersonMax: Int64 = 20
    /// A device that nobody logged in from for so long is asked for a second step again.
    static let secondsKept: Int64 = 180 * 86_400
    static let nameCharactersMax = 64
    static let tokenCharactersMax = 64
}

/// A telephone, browser or program from which a person has logged in. It shows a random token,
/// of which only the hash is stored.
struct Device: Sendable, Equatable {
    let id: ID<Device>
    let name: String
    /// The token, when the device has just become known and must be told.
    var token: String?
}

extension Identity {
    /// The device that shows one of these tokens, if this person has logged in from it before.
    func knownDevice(
        _ tokens: [String], of user: ID<User>, _ now: Timestamp,
        _ transaction: borrowing Transaction
    ) throws -> Device? {
        let hashes = tokens.map { Hash.sha256($0) }
        guard !hashes.isEmpty else { return nil }
        let oldest = now.adding(seconds: -DeviceRules.secondsKept)
        return try transaction.first(
            """
            UPDATE identity.devices SET used_at = greatest(used_at, \(now)) WHERE id = (
                SELECT id FROM identity.devices
                WHERE token_hash = ANY(\(hashes)) AND user_id = \(user) AND used_at > \(oldest)
                LIMIT 1)
            RETURNING id, name
            """
        ).map { Device(id: try $0[0], name: try $0[1]) }
    }

    /// The device of this name. People who can be asked nothing else than the password are told
    /// of each name once, not of each log-in of a program that keeps no token.
    func device(
        named name: String, of user: ID<User>, _ now: Timestamp,
        _ transaction: borrowing Transaction
    ) throws -> Device? {
        try transaction.first(
            """
            UPDATE identity.devices SET used_at = greatest(used_at, \(now)) WHERE id = (
                SELECT id FROM identity.devices WHERE user_id = \(user) AND name = \(name)
                LIMIT 1)
            RETURNING id, name
            """
        ).map { Device(id: try $0[0], name: try $0[1]) }
    }

    /// Makes a device known from now on.
    func addDevice(
        named name: String, of user: ID<User>, _ now: Timestamp,
        _ transaction: borrowing Transaction
    ) throws(DatabaseError) -> Device {
        let device = Device(id: .make(at: now), name: name, token: SecureRandom.token())
        try transaction.execute(
            """
            INSERT INTO identity.devices (id, user_id, token_hash, name, created_at, used_at)
            VALUES (\(device.id), \(user), \(device.token.map { Hash.sha256($0) }), \(name),
                \(now), \(now))
            """)
        try transaction.execute(
            """
            DELETE FROM identity.devices WHERE id IN (
                SELECT id FROM identity.devices WHERE user_id = \(user)
                ORDER BY used_at DESC, id DESC OFFSET \(DeviceRules.perPersonMax))
            """)
        return device
    }

    /// Tells the person on every channel that somebody entered from somewhere new.
    func announce(
        _ device: Device, to user: User, _ transaction: borrowing Transaction
    ) throws(DatabaseError) {
        try tell(
            user,
            """
            A new device has logged in to your Florin wallet: \(device.name). If that was not you, \
            change your password and end its session.
            """, in: transaction)
    }

    /// Forgets the devices, so that their next log-in is asked for a second step.
    func forget(
        devices: [ID<Device>], _ transaction: borrowing Transaction
    ) throws(DatabaseError) {
        try transaction.execute("DELETE FROM identity.devices WHERE id = ANY(\(devices))")
    }
}

extension Act.Kind {
    static let deviceAdded = Act.Kind("device_added")
}
