internal import Identity

/// `florin rotate-pepper --reason TEXT`: a new secret goes into the hashes of passwords.
enum RotatePepperCommand {
    static func run(_ words: [String]) async throws -> Int32 {
        let arguments = try Arguments(words, .init(options: ["reason"]))
        let reason = "\(Deciding.actor): \(try Deciding.reason(arguments))"
        return try await Installation.with { installation in
            let application = try await installation.application()
            do {
                let version = try await application.identity.rotatePepper(
                    because: String(reason.prefix(Act.reasonCharactersMax)))
                Program.say("passwords are hashed with pepper \(version) from the next log-in on")
            } catch {
                await application.stop()
                throw error
            }
            await application.stop()
            return 0
        }
    }
}
