package import Values

/// A message to one person over one channel.
package struct Message: Sendable, Equatable {
    package enum Channel: String, Sendable, CaseIterable {
        case sms
        case email
    }

    package let id: ID<Message>
    package let channel: Channel
    /// A telephone number in E.164 or an e-mail address.
    package let recipient: String
    package let body: String
    package let createdAt: Timestamp
}

/// Where messages of one channel leave the building.
package protocol MessageCarrier: Sendable {
    /// Returns when the carrier has taken the message; throws when it has not, and the job tries
    /// again.
    func carry(_ message: Message) async throws
}

/// The sandbox's carrier: the outbox itself is the telephone, read at `GET /sandbox/messages`.
package struct SandboxOutbox: MessageCarrier {
    package init() {}

    package func carry(_ message: Message) async throws {}
}

/// Stands where the operator has configured nothing: messages wait, and the log says why.
package struct MissingCarrier: MessageCarrier {
    package struct NotConfigured: Error, CustomStringConvertible {
        let channel: Message.Channel
        package var description: String { "no carrier is configured for \(channel.rawValue)" }
    }

    package init() {}

    package func carry(_ message: Message) async throws {
        throw NotConfigured(channel: message.channel)
    }
}
