internal import HTTP
internal import Notifications
internal import Postgres
internal import Values

extension Identity {
    /// What this slice keeps of a person. Secrets are left out, hashes of them too: they are good
    /// for nothing but to be guessed at.
    var exportParts: [ExportPart] {
        [
            person, sessions, devices, sessionSettings, stepUps, pinPart, passkeys,
            authenticatorApps, merchantKeys, codes,
            kycSubmissions, kycImages, disclosures, acts, erasures, messages,
        ]
    }

    // MARK: Steps

    private var person: ExportPart {
        .one("person") { user in
            guard let found = try await self.user(user) else {
                throw IdentityRejection.userNotFound
            }
            return ExportPart.item { Wire.write(found, &$0) }
        }
    }

    private var stepUps: ExportPart {
        .rows("step_ups", by: ID<Session>.self, in: database) { user, after in
            """
            SELECT session_id, method, at FROM identity.step_ups
            JOIN identity.sessions ON id = session_id
            WHERE user_id = \(user) AND session_id > \(after) ORDER BY session_id
            """
        } _: { row, stepUp in
            stepUp.field("session", try row[0] as ID<Session>)
            stepUp.field("method", try row[1] as String)
            stepUp.field("at", try row[2] as Timestamp)
        }
    }

    private var pinPart: ExportPart {
        .rows("pins", by: ID<User>.self, in: database) { user, after in
            """
            SELECT user_id, set_at FROM identity.pins
            WHERE user_id = \(user) AND user_id > \(after)
            """
        } _: { row, pin in
            pin.field("set_at", try row[1] as Timestamp)
        }
    }

    private var passkeys: ExportPart {
        .rows("passkeys", by: ID<Passkey>.self, in: database) { user, after in
            """
            SELECT id, name, created_at, last_used_at, suspended_at FROM identity.passkeys
            WHERE user_id = \(user) AND id > \(after) ORDER BY id
            """
        } _: { row, passkey in
            passkey.field("id", try row[0] as ID<Passkey>)
            passkey.field("name", try row[1] as String)
            passkey.field("created_at", try row[2] as Timestamp)
            passkey.field("last_used_at", moment: try row[3])
            passkey.field("suspended_at", moment: try row[4])
        }
    }

    private var authenticatorApps: ExportPart {
        .rows("authenticator_apps", by: ID<User>.self, in: database) { user, after in
            """
            SELECT user_id, created_at, confirmed_at FROM identity.authenticator_apps
            WHERE user_id = \(user) AND user_id > \(after)
            """
        } _: { row, app in
            app.field("created_at", try row[1] as Timestamp)
            app.field("confirmed_at", moment: try row[2])
        }
    }

    private var merchantKeys: ExportPart {
        .rows("api_keys", by: ID<MerchantKey>.self, in: database) { user, after in
            """
            SELECT id, name, scopes, payment_max, addresses, created_at, expires_at, last_used_at,
                revoked_at
            FROM identity.merchant_keys
            WHERE user_id = \(user) AND id > \(after) ORDER BY id
            """
        } _: { row, key in
            key.field("id", try row[0] as ID<MerchantKey>)
            key.field("name", try row[1] as String)
            key.field("scopes", try row[2] as [String])
            key.field("payment_max", try row[3] as Int64)
            key.field("addresses", try row[4] as [String])
            key.field("created_at", try row[5] as Timestamp)
            key.field("expires_at", moment: try row[6])
            key.field("last_used_at", moment: try row[7])
            key.field("revoked_at", moment: try row[8])
        }
    }

    private var codes: ExportPart {
        .rows("codes", by: ID<User>.self, in: database) { user, after in
            """
            SELECT id, purpose, created_at, used_at FROM identity.codes
            WHERE user_id = \(user) AND id > \(after) ORDER BY id
            """
        } _: { row, code in
            code.field("purpose", try row[1] as String)
            code.field("created_at", try row[2] as Timestamp)
            code.field("used_at", moment: try row[3])
        }
    }

    private var acts: ExportPart {
        .list("acts") { user, cursor in
            let page = try await self.acts(
                ofOrBy: user, before: cursor.flatMap { Int64($0) }, limit: ExportPart.rowsMax)
            return Page(
                page.elements.map { act in
                    ExportPart.item { ActWire.write(act, seenBy: user, &$0) }
                }, nextCursor: page.nextCursor)
        }
    }

    private var erasures: ExportPart {
        .rows("erasures", by: ID<Erasure>.self, in: database) { user, after in
            """
            SELECT id, asked_at, due_at, ended_at, outcome FROM identity.erasures
            WHERE user_id = \(user) AND id > \(after) ORDER BY id
            """
        } _: { row, erasure in
            erasure.field("asked_at", try row[1] as Timestamp)
            erasure.field("due_at", try row[2] as Timestamp)
            erasure.field("ended_at", moment: try row[3])
            erasure.field("outcome", try row[4] as String?)
        }
    }

    private var messages: ExportPart {
        .list("messages") { user, cursor in
            guard let found = try await self.user(user) else { return Page([], nextCursor: nil) }
            let page = try await notifications.messages(
                to: found.addresses, before: cursor.flatMap { ID<Message>($0) },
                limit: ExportPart.rowsMax)
            let since = clock.now.adding(seconds: -ExportRules.messageSecondsWithheld)
            return Page(
                page.elements.map { message in
                    ExportPart.item {
                        $0.field("to", message.recipient)
                        $0.field("channel", message.channel.rawValue)
                        $0.field("body", message.createdAt < since ? message.body : nil)
                        $0.field("created_at", message.createdAt)
                    }
                }, nextCursor: page.nextCursor)
        }
    }
}

extension User {
    /// Where messages to this person go.
    var addresses: [String] { [phone?.e164, email?.text].compactMap { $0 } }
}
