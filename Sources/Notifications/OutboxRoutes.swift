package import HTTP

/// The sandbox's telephone and mailbox. Mounted only where the operator runs a sandbox.
package struct OutboxRoutes: Sendable {
    private let notifications: Notifications

    package init(_ notifications: Notifications) {
        self.notifications = notifications
    }

    package var routes: [Route] {
        [
            .open(
                .get, "/sandbox/messages",
                summary: "Messages sent by SMS and e-mail, newest first.",
                tag: "sandbox",
                parameters: [
                    .query("to", .string(max: 254), "A telephone number or an e-mail address.")
                ],
                returns: .ok(.page(of: Self.message)), handler: messages)
        ]
    }

    private func messages(_ request: Request) async throws -> Response {
        let messages = try await notifications.messages(to: request.query("to"))
        return .json { body in
            body.objects("data", messages) { message, item in
                item.field("to", message.recipient)
                item.field("channel", message.channel.rawValue)
                item.field("body", message.body)
                item.field("created_at", "\(message.createdAt)")
            }
            body.null("next_cursor")
        }
    }

    private static let message = Schema.object(
        .required("to", .string()),
        .required("channel", .enumeration(Message.Channel.allCases.map(\.rawValue))),
        .required("body", .string()), .required("created_at", .timestamp))
}
