// A device's state as a person sees it, in JSON, for pages.

extension OfflineDevice {
    func description(_ clock: UInt32) -> [UInt8] {
        var json = JSONText()
        json.object { json in
            json.field("wallet", hex: wallet.id.bytes)
            json.field("currency", UInt64(wallet.certificate.currency))
            json.field("name", text: name)
            json.field("tier", UInt64(wallet.certificate.flags.tier))
            json.field("receive_only", wallet.certificate.flags.isReceiveOnly)
            json.field("balance", wallet.balance)
            json.field("own", UInt64(wallet.ownAvailable))
            json.field("payable", wallet.payable(at: wallet.now(clock)))
            json.field("per_transfer", UInt64(wallet.certificate.perTransfer))
            json.field("guarantee", UInt64(wallet.certificate.guarantee))
            json.field("expires_at", UInt64(wallet.certificate.expiresAt))
            json.field("claim_by", wallet.certificate.claimBy)
            json.field("counter", UInt64(wallet.counter))
            json.field("revocations_at", UInt64(revocations?.issuedAt ?? 0))
            json.field("cheats", UInt64(proofs.count + proofsFound.count))
            json.field("outgoing", wallet.outbox) { describe($0, &$1) }
            json.field("received", wallet.received) { describe($0, &$1) }
            json.field("asked", requests.filter { $0.payee.wallet == wallet.id }) { request, json in
                request.describe(&json)
                json.field("open", wallet.outstanding.contains { $0.request == request.id })
            }
        }
        return json.bytes
    }

    private func describe(_ outgoing: OfflineWallet.Outgoing, _ json: inout JSONText) {
        let record = outgoing.records[outgoing.records.count - 1]
        json.field("request", hex: outgoing.request.bytes)
        json.field("state", text: outgoing.state.name.octets)
        json.field("to_issuer", record.payee == .issuer)
        json.field("own", record.isOwn)
        json.field("amount", UInt64(outgoing.amount))
        json.field("time", UInt64(record.time))
        json.field("code", text: record.id.code)
        json.field("records", outgoing.records) { $1.field("id", hex: $0.id.bytes) }
        if let request = requests.last(where: { $0.id == outgoing.request }) {
            json.field("name", text: request.name)
            json.field("memo", text: request.memo)
        }
    }

    private func describe(_ each: OfflineWallet.Received, _ json: inout JSONText) {
        json.field("record", hex: each.record.id.bytes)
        json.field("request", hex: each.record.request.bytes)
        json.field("amount", UInt64(each.record.amount))
        json.field("left", UInt64(each.record.amount - each.drawn))
        json.field("time", UInt64(each.record.time))
        json.field("hop", UInt64(each.record.hop))
        json.field("expires_at", UInt64(each.valueExpiry))
        json.field("settled", each.isSettled)
        json.field("code", text: each.record.id.code)
        if let request = requests.last(where: { $0.id == each.record.request }) {
            json.field("memo", text: request.memo)
        }
    }
}

extension OfflineWallet {
    /// Minor units that one payment may have now.
    func payable(at now: UInt32) -> UInt64 {
        let limits = [
            certificate.perTransfer,
            certificate.outLimit > sentTotal ? certificate.outLimit - sentTotal : 0,
        ]
        let isOver =
            certificate.flags.isReceiveOnly || counter >= certificate.counterMax
            || UInt64(now) + UInt64(Self.payMarginSeconds) > UInt64(certificate.expiresAt)
        let most = sources(at: now).map { UInt64($0.available) }.inOrder { $0 > $1 }
            .prefix(OfflinePayment.finalRecordsMax).reduce(0, +)
        return isOver ? 0 : limits.reduce(most) { min($0, UInt64($1)) }
    }
}

extension OfflineRequest {
    var description: [UInt8] {
        var json = JSONText()
        json.object { describe(&$0) }
        return json.bytes
    }

    fileprivate func describe(_ json: inout JSONText) {
        json.field("request", hex: id.bytes)
        json.field("name", text: name)
        json.field("memo", text: memo)
        json.field("amount", UInt64(amount))
        json.field("time", UInt64(time))
        json.field("sealed", signature != unsigned)
    }
}

extension Acceptance {
    func description(_ payment: OfflinePayment) -> [UInt8] {
        var json = JSONText()
        json.object { json in
            json.field("amount", UInt64(amount))
            json.field("guaranteed", UInt64(guaranteed))
            json.field("request", hex: request.bytes)
            json.field("expires_at", UInt64(valueExpiry))
            json.field("hop", UInt64(payment.records[payment.records.count - 1].hop))
            json.field("code", text: payment.code)
        }
        return json.bytes
    }
}

extension OfflinePayment {
    /// The code of its last record, which both people see.
    package var code: [UInt8] { records[records.count - 1].id.code }
}

/// JSON (RFC 8259) as bytes: numbers, hexadecimal, and texts without control characters.
struct JSONText {
    private(set) var bytes: [UInt8] = []
    private var needsComma = false

    mutating func object(_ body: (inout JSONText) -> Void) {
        open(0x7B)
        body(&self)
        close(0x7D)
    }

    mutating func field(_ name: String, _ value: UInt64) {
        var (digits, rest): ([UInt8], UInt64) = ([], value)
        repeat {
            digits.append(0x30 + UInt8(rest % 10))
            rest /= 10
        } while rest > 0
        put(name, digits.reversed())
    }

    mutating func field(_ name: String, _ value: Bool) {
        put(name, (value ? "true" : "false").octets)
    }

    mutating func field(_ name: String, hex: [UInt8]) {
        var text: [UInt8] = []
        for byte in hex {
            for digit in [byte >> 4, byte & 15] { text.append(digit + (digit < 10 ? 48 : 87)) }
        }
        field(name, text: text)
    }

    mutating func field(_ name: String, text: [UInt8]) {
        var quoted: [UInt8] = [0x22]
        for byte in text {
            if byte == 0x22 || byte == 0x5C { quoted.append(0x5C) }
            quoted.append(byte)
        }
        put(name, quoted + [0x22])
    }

    mutating func field<Element>(
        _ name: String, _ elements: [Element], _ body: (Element, inout JSONText) -> Void
    ) {
        key(name)
        open(0x5B)
        for element in elements { object { body(element, &$0) } }
        close(0x5D)
    }

    private mutating func put(_ name: String, _ value: [UInt8]) {
        key(name)
        bytes += value
        needsComma = true
    }

    private mutating func key(_ name: String) {
        separate()
        bytes += [0x22] + name.octets + [0x22, 0x3A]
        needsComma = false
    }

    private mutating func open(_ mark: UInt8) {
        separate()
        bytes.append(mark)
        needsComma = false
    }

    private mutating func close(_ mark: UInt8) {
        bytes.append(mark)
        needsComma = true
    }

    private mutating func separate() {
        if needsComma { bytes.append(0x2C) }
        needsComma = true
    }
}
