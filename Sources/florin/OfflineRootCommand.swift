internal import Cryptography
internal import FoundationEssentials
internal import Offline
internal import OfflineProtocol

/// `florin offline-root …`: a root of offline payments that never touches the server.
///
/// `make` and `sign` run on a machine without a network and need no installation; `request` and
/// `install` run beside the server. What goes back and forth is public.
enum OfflineRootCommand {
    struct NotUsable: Error, CustomStringConvertible {
        let description: String
    }

    static func run(_ words: [String]) async throws -> Int32 {
        let arguments = try Arguments(words, .init(words: 1...3))
        switch (arguments[0], arguments.words.count) {
        case ("make", 2): try make(arguments[1])
        case ("sign", 3): try sign(arguments[2], with: arguments[1])
        case ("request", 1):
            try await with { offline in
                Program.say(Base64URL.encode(try await offline.listToSign().encoded))
            }
        case ("install", 3):
            let (root, list) = (try bytes(arguments[1]), try bytes(arguments[2]))
            try await with { offline in
                let installed = try await offline.install(list, signedBy: root)
                Program.say("installed \(installed.keys.count) keys of the issuer")
            }
        default:
            throw Arguments.Misunderstood(
                reason: "offline-root: make FILE, request, sign FILE LIST or install ROOT LIST")
        }
        return 0
    }

    // MARK: Without a network

    private static func make(_ file: String) throws {
        guard !FileManager.default.fileExists(atPath: file) else {
            throw NotUsable(description: "\(file) exists; a root is never overwritten")
        }
        let key = SigningKey.generate()
        try AtomicFile.write(Array((Hex.encode(key.privateKey) + "\n").utf8), to: file)
        Program.say(Base64URL.encode(compressed(key)))
    }

    private static func sign(_ text: String, with file: String) throws {
        let digits = String(decoding: try Data(contentsOf: URL(filePath: file)), as: UTF8.self)
        guard let scalar = Hex.decode(digits.prefix { !$0.isWhitespace }) else {
            throw NotUsable(description: "\(file) holds no root")
        }
        let root = try SigningKey(privateKey: scalar)
        let list = try IssuerKeyList(decoding: try bytes(text))
        // Whoever signs compares these with what the server's operator reads out.
        for key in list.keys {
            Program.complain(
                "key \(key.number), \(key.notBefore) to \(key.notAfter): "
                    + Base64URL.encode(key.publicKey))
        }
        Program.say(Base64URL.encode(list.signed(root.sign(list.message)).encoded))
    }

    private static func compressed(_ key: SigningKey) -> [UInt8] {
        [2 + key.publicKey[64] & 1] + key.publicKey[1..<33]
    }

    private static func bytes(_ text: String) throws -> [UInt8] {
        guard let bytes = Base64URL.decode(text) else {
            throw NotUsable(description: "what was given is no base64url")
        }
        return bytes
    }

    // MARK: Beside the server

    private static func with(_ body: (Offline) async throws -> Void) async throws {
        _ = try await Installation.with { installation in
            let application = try await installation.application()
            do { try await body(application.offline) } catch {
                await application.stop()
                throw error
            }
            await application.stop()
            return 0
        }
    }
}
