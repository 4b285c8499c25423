internal import Cryptography
package import HTTP
internal import Identity
internal import Ledger
internal import OfflineProtocol
internal import Payments
internal import Values

/// Every route of offline payments: for devices, for everybody who wants to check, and for staff.
package struct OfflineRoutes: Sendable {
    private let offline: Offline

    package init(_ offline: Offline) { self.offline = offline }

    package var routes: [Route] {
        wallets + records + published + OfflineStaffRoutes(offline: offline).routes
    }

    /// An upload of 128 payments of sixteen records each, in base64.
    private static let bodyBytesMax = 1 << 20

    private var paying: RouteBuilder<Payer> { offline.identity.payerRoutes(nil) }
    private var looking: RouteBuilder<Caller> { offline.identity.callerRoutes(nil) }

    private var wallets: [Route] {
        [
            paying.route(
                .post, "/v1/offline/wallets", summary: "Take a device's key for offline payments.",
                tag: "offline", body: OfflineWire.enrolment,
                returns: .created(OfflineWire.certified), refusals: Self.enrolling,
                handler: enrol),
            looking.route(
                .get, "/v1/offline/wallets", summary: "One's offline wallets, newest first.",
                tag: "offline", returns: .ok(.page(of: OfflineWire.wallet)), handler: list),
            paying.route(
                .post, "/v1/offline/wallets/{wid}/topups",
                summary: "Move money into what a device may spend offline.", tag: "offline",
                parameters: [.path("wid", OfflineWire.walletID), .idempotencyKey, .pin],
                body: OfflineWire.topUp, returns: .created(OfflineWire.certified),
                refusals: Self.locking, handler: topUp),
            paying.route(
                .post, "/v1/offline/wallets/{wid}/lost",
                summary: "Report a device lost; what is left comes back by itself.",
                tag: "offline", parameters: [.path("wid", OfflineWire.walletID)],
                returns: .created(OfflineWire.wallet),
                refusals: [Refused(OfflineRejection.walletNotFound)], handler: reportLost),
        ]
    }

    private var records: [Route] {
        [
            paying.route(
                .post, "/v1/offline/objects",
                summary: "Show records, payments, proofs and statements, anybody's, in any order.",
                tag: "offline", body: OfflineWire.upload, returns: .ok(OfflineWire.results),
                refusals: Self.uploading, bodyBytesMax: Self.bodyBytesMax, handler: upload),
            paying.route(
                .post, "/v1/offline/sync",
                summary: "Show what a device has, and take what it needs.", tag: "offline",
                parameters: [.pin], body: OfflineWire.sync, returns: .ok(OfflineWire.synced),
                refusals: [
                    Refused(OfflineRejection.walletNotFound),
                    Refused(OfflineRejection.certifyingStopped),
                ] + Self.present + Self.uploading,
                bodyBytesMax: Self.bodyBytesMax, handler: sync),
            looking.route(
                .get, "/v1/offline/xfers/{id16}",
                summary: "What became of an offline payment, with the operator's receipt.",
                tag: "offline", parameters: [.path("id16", OfflineWire.recordID)],
                returns: .ok(OfflineWire.record),
                refusals: [Refused(OfflineRejection.recordNotFound)], handler: show),
            paying.route(
                .post, "/v1/offline/xfers/{id16}/undelivered",
                summary: "Say that nobody took a payment: it comes back unless it turns up.",
                tag: "offline", parameters: [.path("id16", OfflineWire.recordID)],
                returns: .created(OfflineWire.record),
                refusals: [
                    Refused(OfflineRejection.recordNotFound),
                    Refused(OfflineRejection.recordEnded),
                ], handler: markUndelivered),
            paying.route(
                .post, "/v1/offline/xfers/{id16}/decline",
                summary: "Give a payment back that one received.", tag: "offline",
                parameters: [.path("id16", OfflineWire.recordID)], body: OfflineWire.decline,
                returns: .created(OfflineWire.record),
                refusals: [
                    Refused(OfflineRejection.recordNotFound),
                    Refused(OfflineRejection.declineInvalid),
                ] + Self.uploading, handler: decline),
        ]
    }

    private var published: [Route] {
        [
            .open(
                .get, "/v1/offline/keys", summary: "The issuer's keys, signed by the root.",
                tag: "offline", returns: .ok(OfflineWire.keys), handler: keys),
            .open(
                .get, "/v1/offline/crl", summary: "Wallets that nobody should take money from.",
                tag: "offline",
                parameters: [
                    .query(
                        "since", .integer(min: 0, max: Int64(UInt32.max)),
                        "When the list at hand was issued; null if nothing is newer.")
                ],
                returns: .ok(OfflineWire.revocations), handler: revocations),
            .open(
                .get, "/v1/offline/proofs/{wid}",
                summary: "Proofs of fraud against a wallet, which anyone can check.",
                tag: "offline", parameters: [.path("wid", OfflineWire.walletID)],
                returns: .ok(OfflineWire.proofs),
                refusals: [Refused(OfflineRejection.proofNotFound)], handler: proofs),
        ]
    }

    private static let busy = [Refused(TurnLost())]
    private static let present: [Refused] = [
        Refused(IdentityRejection.pinRequired(threshold: 0, currency: "", isSet: true)),
        Refused(IdentityRejection.pinIncorrect(triesLeft: 0)),
    ]
    private static let enrolling: [Refused] =
        [
            OfflineRejection.enrolmentInvalid, .enrolmentForged, .keyTaken, .debtOpen,
            .tooManyWallets, .walletEnded, .certifyingStopped,
        ].map { Refused($0) } + [
            Refused(PaymentRejection.currencyNotSupported),
            Refused(IdentityRejection.passkeyInvalid(reason: "signature_wrong")),
            Refused(IdentityRejection.passkeyUnknown), Refused(IdentityRejection.passkeySuspended),
        ]
    private static let locking: [Refused] =
        [
            OfflineRejection.walletNotFound, .walletEnded, .receiveOnly, .limitExceeded,
            .certifyingStopped,
        ].map { Refused($0) }
        + [
            LedgerRejection.idempotencyMismatch, .amountMustBePositive, .insufficientFunds,
            .moneyOutStopped,
        ].map { Refused(LedgerRefusal($0)) }
        + [Refused(400, "idempotency_key_required"), Refused(LedgerOverloaded())] + busy
        + present
    private static let uploading: [Refused] =
        [Refused(OfflineRejection.quotaExceeded), Refused(LedgerOverloaded())] + busy
}

// MARK: Handlers

extension OfflineRoutes {
    private func enrol(_ request: Request, _ payer: Payer) async throws -> Response {
        guard let csr = Base64URL.decode(request.text("csr")) else {
            throw OfflineRejection.enrolmentInvalid
        }
        let certified = try await offline.enrol(
            csr, currency: request.text("currency"),
            isReceiveOnly: request.json["receive_only"]?.bool ?? false,
            passkey: try request.json["webauthn"].map { try PasskeyAssertion(response: $0) },
            by: payer, from: request.origin)
        return .json(201) { OfflineWire.write(certified, &$0) }
    }

    private func list(_ request: Request, _ caller: Caller) async throws -> Response {
        let wallets = try await offline.wallets(of: caller.user)
        return .json { body in
            body.objects("data", wallets) { OfflineWire.write($0, &$1) }
            body.null("next_cursor")
        }
    }

    private func topUp(_ request: Request, _ payer: Payer) async throws -> Response {
        let certified = try await offline.lock(
            request.json["amount"]?.integer ?? 0, in: request.offlineWallet(),
            key: request.offlineKey(), by: payer)
        return .json(201) { OfflineWire.write(certified, &$0) }
    }

    private func reportLost(_ request: Request, _ payer: Payer) async throws -> Response {
        let wallet = try await offline.reportLost(
            request.offlineWallet(), by: payer, from: request.origin)
        return .json(201) { OfflineWire.write(wallet, &$0) }
    }

    private func upload(_ request: Request, _ payer: Payer) async throws -> Response {
        let results = try await offline.ingest(request.offlineObjects, by: payer.user)
        return .json { body in
            body.objects("results", results) { OfflineWire.write($0, &$1) }
        }
    }

    private func sync(_ request: Request, _ payer: Payer) async throws -> Response {
        guard let wallet = WalletID(hex: request.text("wallet")) else {
            throw OfflineRejection.walletNotFound
        }
        func seconds(_ name: String) -> UInt32 {
            UInt32(clamping: request.json[name]?.integer ?? 0)
        }
        let answer = try await offline.sync(
            SyncRequest(
                wallet: wallet, objects: request.offlineObjects, counter: seconds("head"),
                topUpTo: request.json["top_up_to"]?.integer,
                revocationsSince: seconds("crl_since"), proofsSince: seconds("proofs_since")),
            by: payer)
        return .json { OfflineWire.write(answer, &$0) }
    }

    private func show(_ request: Request, _ caller: Caller) async throws -> Response {
        try await answer(
            200, try await offline.record(request.offlineRecord(), seenBy: caller.user))
    }

    private func markUndelivered(_ request: Request, _ payer: Payer) async throws -> Response {
        try await answer(
            201, try await offline.markUndelivered(request.offlineRecord(), by: payer))
    }

    private func decline(_ request: Request, _ payer: Payer) async throws -> Response {
        guard let bytes = Base64URL.decode(request.text("decline")) else {
            throw OfflineRejection.declineInvalid
        }
        return try await answer(
            201, try await offline.decline(request.offlineRecord(), with: bytes, by: payer))
    }

    private func answer(_ status: Int, _ record: StoredRecord) async throws -> Response {
        let key = try await offline.keys.current(at: offline.clock.now)
        let receipt = offline.receipt(of: record, with: key)
        return .json(status) { OfflineWire.write(record, receipt, &$0) }
    }

    private func keys(_ request: Request) async throws -> Response {
        let now = offline.clock.now
        let (list, root) = (
            try await offline.keys.list(at: now), try await offline.keys.root(at: now)
        )
        return .json { body in
            body.field("keys", OfflineWire.text(list.encoded))
            body.field("root", OfflineWire.text(root))
        }
    }

    private func revocations(_ request: Request) async throws -> Response {
        let list = try await offline.revocations(
            since: UInt32(clamping: request.queryInteger("since") ?? 0))
        return .json { body in
            body.field("crl", list.map { OfflineWire.text($0.encoded) })
        }
    }

    private func proofs(_ request: Request) async throws -> Response {
        guard let wallet = WalletID(hex: request.parameter("wid")) else {
            throw OfflineRejection.proofNotFound
        }
        let proofs = try await offline.proofs(against: wallet)
        return .json { body in
            body.field("proofs", proofs.map { OfflineWire.text($0.encoded) })
        }
    }
}

extension Request {
    fileprivate func offlineWallet() throws -> WalletID {
        guard let id = WalletID(hex: parameter("wid")) else {
            throw OfflineRejection.walletNotFound
        }
        return id
    }

    fileprivate func offlineRecord() throws -> ObjectID {
        guard let id = ObjectID(hex: parameter("id16")) else {
            throw OfflineRejection.recordNotFound
        }
        return id
    }

    /// The key that the route has required and checked.
    func offlineKey() -> IdempotencyKey {
        guard let key = header("Idempotency-Key").flatMap({ IdempotencyKey($0) }) else {
            preconditionFailure("the route must require Idempotency-Key")
        }
        return key
    }

    /// What is no base64url stands as no bytes, which are no object.
    fileprivate var offlineObjects: [[UInt8]] {
        (json["objects"]?.array ?? []).map { $0.string.flatMap { Base64URL.decode($0) } ?? [] }
    }
}
