internal import HTTP
internal import Offline
internal import OfflineProtocol
internal import Values

/// What there is, and showing it again.
enum OfflineLooking {
    /// So much of an id names what it is of.
    private static let prefixMin = 6

    @Sendable static func list(_ session: WalletSession) async throws {
        try await session.withPurse { purse in
            session.say(
                OfflineJSON.wallet(purse), head(purse) + rows(purse) + requests(purse))
        }
    }

    private static func head(_ purse: OfflinePurse) -> [String] {
        let (wallet, terminal) = (purse.wallet, purse.session.terminal)
        let certificate = wallet.certificate
        let received = wallet.balance - UInt64(wallet.ownAvailable)
        var table = Table(.left, .left)
        table.add("offline", terminal.strong(purse.money(wallet.balance)))
        table.add(
            "of it", "\(purse.money(wallet.ownAvailable)) own, \(purse.money(received)) received")
        table.add("one payment", "up to \(purse.money(certificate.perTransfer))")
        let until = WalletText.moment("\(Timestamp.of(certificate.expiresAt))")
        table.add("pays until", purse.clock < certificate.expiresAt ? until : terminal.bad(until))
        table.add("wallet", wallet.id.hex)
        if !purse.proofs.isEmpty {
            table.add("cheats known", "\(purse.proofs.count)")
        }
        return table.lines { column, cell in column == 0 ? terminal.faint(cell) : cell }
    }

    private static func rows(_ purse: OfflinePurse) -> [String] {
        var rows: [(time: UInt32, cells: [String])] = []
        for outgoing in purse.wallet.outbox {
            let asked = purse.device.requests.last { $0.id == outgoing.request }
            let who =
                outgoing.isToIssuer
                ? "back online" : "to \(OfflineJSON.text(asked?.name ?? Array("—".utf8)))"
            rows.append(
                (
                    outgoing.records[0].time,
                    [
                        "-" + purse.money(outgoing.amount), who, outgoing.code,
                        OfflineWords.state(outgoing.state),
                    ]
                ))
        }
        for each in purse.wallet.received {
            let left = each.record.amount - each.drawn
            let rest =
                left == each.record.amount
                ? "" : left == 0 ? ", spent" : ", \(purse.money(left)) left"
            rows.append(
                (
                    each.record.time,
                    [
                        "+" + purse.money(each.record.amount), "from \(each.record.payer.hex)",
                        OfflineJSON.text(each.record.id.code),
                        (each.isSettled ? "settled" : "not online yet") + rest,
                    ]
                ))
        }
        var table = Table(.left, .right, .left, .left, .left)
        for row in rows.sorted(by: { $0.time < $1.time }) {
            table.add(
                WalletText.moment("\(Timestamp.of(row.time))"), row.cells[0], row.cells[1],
                row.cells[2], row.cells[3])
        }
        return rows.isEmpty ? [] : [""] + table.lines()
    }

    private static func requests(_ purse: OfflinePurse) -> [String] {
        purse.openRequests.suffix(5).map { request in
            let amount = request.amount == 0 ? "any amount" : purse.money(request.amount)
            return purse.session.terminal.faint(
                "open: \(amount)  \(OfflineJSON.text(request.memo))  "
                    + String(request.id.hex.prefix(prefixMin + 2)))
        }
    }

    // MARK: Showing again

    @Sendable static func show(_ session: WalletSession) async throws {
        let name = session.arguments[0]
        try await session.withPurse { purse in
            if name == "proof" { return try showProof(purse) }
            if let outgoing = try purse.outgoing(named: name) {
                guard outgoing.state != .reserved else {
                    try purse.signReserved(try purse.unlock())
                    return try showPayment(outgoing.request, &purse)
                }
                return try showPayment(outgoing.request, &purse)
            }
            let request = purse.openRequests.last { $0.id.hex.hasPrefix(name) }
            guard let request, name.count >= prefixMin else {
                throw WalletFailure.refused("Nothing here has that code or id.")
            }
            try OfflinePaying.show(request, purse)
        }
    }

    private static func showPayment(
        _ request: ObjectID, _ purse: inout OfflinePurse
    ) throws {
        guard let asked = purse.device.requests.last(where: { $0.id == request }) else {
            throw WalletFailure.refused("That went online; there is nothing to show.")
        }
        try OfflinePaying.show(asked, &purse)
    }

    private static func showProof(_ purse: OfflinePurse) throws {
        guard let proof = purse.proofs.last else {
            throw WalletFailure.refused("This wallet knows of no double spending.")
        }
        let screen = OfflineScreen(proof.encoded, purse.session)
        try screen.show()
        purse.session.say(
            .object(
                JSONObject([("wallet", .string(proof.first.payer.hex))] + screen.json)),
            [
                "Wallet \(proof.first.payer.hex) signed both of two payments that exclude each "
                    + "other. Whoever scans this refuses its money."
            ])
    }
}

extension OfflinePurse {
    /// By its code, or the beginning of the id of its request or of one of its records.
    func outgoing(named name: String) throws -> OfflineWallet.Outgoing? {
        let found = wallet.outbox.filter { outgoing in
            let ids = [outgoing.request] + outgoing.records.map { $0.id }
            return outgoing.code == name
                || (name.count >= 8 && ids.contains { $0.hex.hasPrefix(name) })
        }
        guard found.count <= 1 else {
            throw WalletFailure.refused("Several payments have that code; name one by its id.")
        }
        return found.first
    }
}
