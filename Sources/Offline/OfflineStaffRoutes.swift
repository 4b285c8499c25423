internal import HTTP
internal import Identity
internal import Ledger
internal import OfflineProtocol
internal import Payments
internal import Values

/// What the operator's people see of the risk, and what they may do about it.
struct OfflineStaffRoutes: Sendable {
    let offline: Offline

    private var looking: RouteBuilder<StaffView> {
        offline.identity.staffViewRoutes([.finance, .admin])
    }
    private var investigating: RouteBuilder<StaffView> {
        offline.identity.staffViewRoutes([.support, .finance, .admin])
    }

    var routes: [Route] {
        [
            looking.route(
                .get, "/v1/staff/offline/exposure",
                summary: "What is locked, outstanding and guaranteed, and what the fund has.",
                tag: "staff", returns: .ok(OfflineWire.exposures), handler: exposure),
            investigating.route(
                .get, "/v1/staff/offline/cases",
                summary: "Wallets that spent the same money twice, newest first.", tag: "staff",
                parameters: [.cursor, .limit],
                returns: .ok(.page(of: OfflineWire.fraudCase)),
                refusals: [Refused(PaymentRejection.cursorInvalid)], handler: cases),
            investigating.route(
                .get, "/v1/staff/offline/cases/{wid}",
                summary: "One case with its conflicting records side by side.", tag: "staff",
                parameters: [.path("wid", OfflineWire.walletID)],
                returns: .ok(OfflineWire.wholeCase),
                refusals: [Refused(OfflineRejection.proofNotFound)], handler: show),
            offline.identity.staffRoutes([.finance, .admin]).route(
                .post, "/v1/staff/offline/fund",
                summary: "Put money aside for the guarantee of offline payments.", tag: "staff",
                parameters: [.idempotencyKey], body: OfflineWire.fund,
                returns: .created(OfflineWire.oneExposure),
                refusals: [
                    Refused(PaymentRejection.currencyNotSupported),
                    Refused(400, "idempotency_key_required"),
                    Refused(LedgerRefusal(.idempotencyMismatch)),
                    Refused(LedgerRefusal(.balanceOverflow)), Refused(LedgerOverloaded()),
                ], handler: fill),
        ]
    }

    private func exposure(_ request: Request, _ staff: StaffView) async throws -> Response {
        let exposures = try await offline.exposures()
        return .json { body in
            body.objects("data", exposures) { OfflineWire.write($0, &$1) }
        }
    }

    private func cases(_ request: Request, _ staff: StaffView) async throws -> Response {
        let cursor = request.query("cursor").map { WalletID(hex: $0) }
        if let cursor, cursor == nil { throw PaymentRejection.cursorInvalid }
        let page = try await offline.cases(before: cursor ?? nil, limit: request.pageLimit)
        return .json { body in
            body.objects("data", page.elements) { OfflineWire.write($0, &$1) }
            body.field("next_cursor", page.nextCursor)
        }
    }

    private func show(_ request: Request, _ staff: StaffView) async throws -> Response {
        guard let wallet = WalletID(hex: request.parameter("wid")) else {
            throw OfflineRejection.proofNotFound
        }
        let found = try await offline.fraudCase(of: wallet)
        return .json { OfflineWire.writeWhole(found, &$0) }
    }

    private func fill(_ request: Request, _ staff: StaffSession) async throws -> Response {
        let exposure = try await offline.fillFund(
            request.json["amount"]?.integer ?? 0, currency: request.text("currency"),
            from: .operatorFloat, key: request.offlineKey(), by: staff,
            because: request.text("reason"), from: request.origin)
        return .json(201) { OfflineWire.write(exposure, &$0) }
    }
}
