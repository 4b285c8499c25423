internal import Identity

/// `florin rotate-signing-keys --reason TEXT [--at-once]`: a new key signs access tokens.
enum RotateSigningKeysCommand {
    static func run(_ words: [String]) async throws -> Int32 {
        let arguments = try Arguments(words, .init(options: ["reason"], flags: ["at-once"]))
        let reason = "\(Deciding.actor): \(try Deciding.reason(arguments))"
        let isAtOnce = arguments.flag("at-once")
        return try await Installation.with { installation in
            let application = try await installation.application()
            do {
                let kid = try await application.identity.rotateSigningKeys(
                    isAtOnce: isAtOnce, because: String(reason.prefix(Act.reasonCharactersMax)))
                Program.say("access tokens are signed with the key \(kid) now")
                Program.say(
                    isAtOnce
                        ? "tokens of the keys before it are refused; every client refreshes"
                        : "tokens of the key before it stay good until they expire")
            } catch {
                await application.stop()
                throw error
            }
            await application.stop()
            return 0
        }
    }
}
