package import HTTP
internal import Identity
package import Ledger
internal import Values

/// What makes the books verifiable from outside: what was signed of each day, the keys, and the
/// proof that a transfer is in it.
package struct BookRoutes: Sendable {
    private let payments: Payments
    private let commitments: Commitments

    package init(_ payments: Payments, _ commitments: Commitments) {
        self.payments = payments
        self.commitments = commitments
    }

    package var routes: [Route] {
        [
            .open(
                .get, "/v1/commitments", summary: "What was signed of each day's books.",
                tag: "books", parameters: [.cursor, .limit],
                returns: .ok(.page(of: BookWire.commitment)),
                refusals: [Refused(PaymentRejection.cursorInvalid)], handler: list),
            .open(
                .get, "/v1/commitments/keys", summary: "The keys that sign them, as a JWK set.",
                tag: "books", returns: .ok(KeySetWire.keys), handler: keys),
            .open(
                .get, "/v1/commitments/{day}", summary: "What was signed of one day's books.",
                tag: "books", parameters: [.path("day", .string(min: 10, max: 10))],
                returns: .ok(BookWire.commitment),
                refusals: [Refused(PaymentRejection.commitmentNotFound)], handler: show),
            payments.identity.callerRoutes(.transfersRead).route(
                .get, "/v1/entries/{id}/proof",
                summary: "The proof that a transfer that one paid or received is in the books.",
                tag: "books", parameters: [.path("id", .uuid)], returns: .ok(BookWire.proof),
                refusals: [Refused(PaymentRejection.transferNotFound)], handler: prove),
        ]
    }

    private func list(_ request: Request) async throws -> Response {
        let cursor = request.query("cursor")
        let before = cursor.flatMap { Commitments.day($0) }
        guard cursor == nil || before != nil else { throw PaymentRejection.cursorInvalid }
        let page = try await commitments.page(before: before, limit: request.pageLimit)
        return .json { body in
            body.objects("data", page.elements) { BookWire.write($0, &$1) }
            body.field("next_cursor", page.nextCursor)
        }
    }

    private func keys(_ request: Request) async throws -> Response {
        .json { body in
            body.objects("keys", commitments.keys.all) { KeySetWire.write($0, &$1) }
        }
    }

    private func show(_ request: Request) async throws -> Response {
        guard let day = Commitments.day(request.parameter("day")),
            let commitment = try await commitments.commitment(ofDay: day)
        else { throw PaymentRejection.commitmentNotFound }
        return .json { BookWire.write(commitment, &$0) }
    }

    private func prove(_ request: Request, _ caller: Caller) async throws -> Response {
        let (line, parties) = try await payments.transfer(
            request.id(else: PaymentRejection.transferNotFound), seenBy: caller)
        guard let proof = try await commitments.proof(of: line.id) else {
            throw PaymentRejection.transferNotFound
        }
        let sees = { (account: AccountID) in
            caller.seesOthers || parties[account]?.id == caller.user
        }
        let (seesDebit, seesCredit) = (sees(line.debit), sees(line.credit))
        let committedAfter = proof.day == nil ? commitments.commits(line.at) : nil
        return .json { body in
            BookWire.write(line, proof, &body)
            body.object("debit") { BookWire.write(proof.debit, isSeen: seesDebit, &$0) }
            body.object("credit") { BookWire.write(proof.credit, isSeen: seesCredit, &$0) }
            body.object("batch") { BookWire.writeBatch(of: proof, &$0) }
            if let day = proof.day {
                body.object("day") { BookWire.write(day, &$0) }
            } else {
                body.null("day")
            }
            body.field("committed_after", committedAfter.map { "\($0)" })
        }
    }
}
