import TestSupport
import Testing

/// Whatever the server does for a person, the terminal does too.
@Suite("The terminal wallet's reach", .timeLimit(.minutes(1)))
struct WalletRouteTests {
    /// The command for each route that a person may call.
    private static let commands: [String: String] = [
        "POST /v1/users": "sign-up", "POST /v1/phone_verifications": "verify",
        "POST /v1/phone_codes": "resend-code", "POST /v1/sessions": "log-in",
        "POST /v1/session_challenges/{challenge}/codes": "log-in",
        "POST /v1/session_challenges/{challenge}/answers": "log-in",
        "POST /v1/sessions/refresh": "balance", "DELETE /v1/sessions/current": "log-out",
        "POST /v1/sessions/current/exits": "leave", "GET /v1/me": "whoami",
        "PATCH /v1/me": "profile", "GET /v1/sessions": "sessions",
        "PATCH /v1/sessions/{id}": "sessions", "DELETE /v1/sessions/{id}": "sessions",
        "POST /v1/sessions/revocations": "sessions", "GET /v1/session_settings": "strict",
        "PUT /v1/session_settings": "strict", "PUT /v1/me/password": "password",
        "POST /v1/password_resets": "password",
        "POST /v1/password_resets/completions": "password", "GET /v1/me/pin": "pin",
        "PUT /v1/me/pin": "pin", "POST /v1/me/pin_resets": "pin",
        "POST /v1/me/pin_resets/completions": "pin", "POST /v1/sessions/current/step_ups": "send",
        "GET /v1/passkeys": "passkeys", "PATCH /v1/passkeys/{id}": "passkeys",
        "DELETE /v1/passkeys/{id}": "passkeys", "GET /v1/second_factors": "app",
        "POST /v1/totp": "app", "POST /v1/totp/confirmations": "app",
        "POST /v1/totp/removals": "app", "POST /v1/recovery_codes": "app",
        "POST /v1/me/phone_changes": "phone", "POST /v1/me/phone_changes/completions": "phone",
        "POST /v1/me/email_changes": "email", "POST /v1/me/email_changes/completions": "email",
        "POST /v1/me/exports": "export", "POST /v1/me/erasures": "erase",
        "GET /v1/me/erasures/current": "erase", "DELETE /v1/me/erasures/current": "erase",
        "GET /v1/me/acts": "activity", "GET /v1/kyc": "kyc", "PUT /v1/kyc/images/{side}": "kyc",
        "POST /v1/kyc/submissions": "kyc", "POST /v1/kyc/submissions/{id}/withdrawals": "kyc",
        "GET /v1/limits": "limits", "GET /v1/api_keys": "keys", "POST /v1/api_keys": "keys",
        "POST /v1/api_keys/{id}/rotations": "keys", "DELETE /v1/api_keys/{id}": "keys",
        "GET /v1/wallets": "balance", "POST /v1/wallets": "open",
        "GET /v1/wallets/{id}/entries": "history", "POST /v1/transfers/preview": "send",
        "POST /v1/transfers": "send", "GET /v1/transfers/{id}": "reverse",
        "POST /v1/transfers/{id}/reversals": "reverse", "POST /v1/holds": "hold",
        "POST /v1/holds/{id}/captures": "capture", "POST /v1/holds/{id}/voids": "void",
        "POST /v1/requests": "request", "GET /v1/requests": "requests",
        "GET /v1/requests/{id}": "requests", "POST /v1/requests/{id}/acceptances": "requests",
        "POST /v1/requests/{id}/declines": "requests",
        "POST /v1/requests/{id}/cancellations": "requests", "GET /v1/events": "follow",
        "GET /v1/entries/{id}/proof": "proof", "POST /sandbox/topups": "topup",
        "GET /sandbox/messages": "messages", "PUT /sandbox/standing": "standing",
        "POST /sandbox/clock": "clock",
    ]

    private static let notYet = "money in and out has no place in the terminal yet"

    /// Why a route that a person may call has no command.
    private static let others: [String: String] = [
        "POST /v1/session_challenges/{challenge}/passkey_challenges": "a browser's",
        "POST /v1/sessions/current/step_up_challenges": "a browser's",
        "POST /v1/passkeys/registrations": "a browser's", "POST /v1/passkeys": "a browser's",
        "POST /v1/sessions/passkey_challenges": "a browser's",
        "POST /v1/sessions/passkeys": "a browser's", "POST /oauth/token": "for programs",
        "POST /v1/transfer_batches": "for programs",
        "GET /v1/wallets/{id}": "a line of the list of wallets",
        "GET /v1/holds/{id}": "a transfer as well",
        "GET /v1/kyc/submissions/{id}": "the newest one is in GET /v1/kyc",
        "GET /v1/rails": notYet, "POST /v1/topups": notYet, "POST /v1/payouts": notYet,
        "GET /v1/payments": notYet, "GET /v1/payments/{id}": notYet,
        "POST /v1/payments/{id}/cancellations": notYet,
    ]

    /// Of others: staff, the books that anyone may read, the simple API, machines, and what the
    /// wallet that pays offline says to the server.
    private static let foreign = [
        "/v1/staff/", "/v1/audit_acts", "/v1/act_commitments", "/v1/commitments", "/.well-known/",
        "/api/", "/health", "/metrics", "/openapi.json", "/v1/offline/",
        "/v1/callbacks/",
    ]

    @Test func everyRouteOfAPersonHasItsCommand() async throws {
        let (program, ending) = try await FlorinServer.run(["routes"], ["FLORIN_SANDBOX": "1"])
        #expect(ending == .exited(0))
        let routes = program.output.split(separator: "\n").map { line in
            line.split(separator: " ").prefix(2).joined(separator: " ")
        }
        let own = Set(routes).filter { route in
            !Self.foreign.contains { route.contains(" " + $0) }
        }
        #expect(own.count > 70)
        let known = Set(Self.commands.keys).union(Self.others.keys)
        #expect(own.subtracting(known).sorted() == [])
        #expect(known.subtracting(own).sorted() == [])
        let shell = Shell("http://127.0.0.1:9")
        for command in Set(Self.commands.values) {
            #expect(
                try await shell.done("help", command).hasPrefix("florin wallet \(command)"))
        }
    }
}
