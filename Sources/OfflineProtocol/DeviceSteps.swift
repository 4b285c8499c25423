// Each call of a page: its arguments read, the rule asked, its answer written.

extension DeviceStep {
    private func verify(_ check: SignatureCheck) -> Bool { verdicts.isGood(check) }

    // MARK: Arguments

    private func read<Value>(
        _ body: (inout ByteReader) throws(DecodingFault) -> Value
    ) throws(CallRefusal) -> Value {
        do throws(DecodingFault) { return try body(&arguments) } catch {
            throw CallRefusal(error.name)
        }
    }

    private func field() throws(CallRefusal) -> [UInt8] {
        try read { reader throws(DecodingFault) in try reader.field() }
    }

    private func number() throws(CallRefusal) -> UInt32 {
        try read { reader throws(DecodingFault) in try reader.uint32() }
    }

    private func id() throws(CallRefusal) -> ObjectID {
        try read { reader throws(DecodingFault) in try reader.id() }
    }

    private func request() throws(CallRefusal) -> OfflineRequest {
        try read { reader throws(DecodingFault) in
            try OfflineRequest(decoding: try reader.field())
        }
    }

    private func payment() throws(CallRefusal) -> OfflinePayment {
        try read { reader throws(DecodingFault) in
            try OfflinePayment(decoding: try reader.field())
        }
    }

    // MARK: Enrolling

    func enrolment() throws(CallRefusal) -> [[UInt8]] {
        let (key, account, time) = (try field(), try id(), try number())
        guard key.count == CurvePoint.uncompressedBytes, key[0] == 4
        else { throw CallRefusal(DecodingFault.pointNotOnCurve.name) }
        let enrolment = Enrolment(
            publicKey: CurvePoint.compressed(key), account: account, time: time)
        return [enrolment.message, enrolment.body]
    }

    func enrolled() throws(CallRefusal) -> OfflineDevice {
        let root = try field()
        let (keys, certificate, name, salt) = try read { reader throws(DecodingFault) in
            (
                try IssuerKeyList(decoding: try reader.field()),
                try Certificate(decoding: try reader.field()), try reader.field(),
                try reader.id()
            )
        }
        guard CurvePoint.isValid(root)
        else { throw CallRefusal(DecodingFault.pointNotOnCurve.name) }
        do throws(NewsRefusal) {
            return try OfflineDevice(
                certificate, keys: keys, root: root, name: name, nameSalt: salt, verify)
        } catch { throw CallRefusal(error.name) }
    }

    // MARK: Requests

    func ask(_ device: inout OfflineDevice) throws(CallRefusal) -> [[UInt8]] {
        let (amount, memo, nonce) = try read { reader throws(DecodingFault) in
            (
                try reader.value(), try reader.text(bytesMax: OfflineRequest.memoBytesMax),
                try reader.uint64()
            )
        }
        let request = device.ask(amount, memo: memo, nonce: nonce, clock: clock)
        return [request.id.bytes, request.message]
    }

    func seal(_ device: inout OfflineDevice) throws(CallRefusal) -> [[UInt8]] {
        let (id, signature) = (try id(), try field())
        do throws(StepRefusal) {
            return [try device.seal(id, signature, verify).encoded]
        } catch { throw CallRefusal(error.name) }
    }

    func asked(_ device: OfflineDevice) throws(CallRefusal) -> [[UInt8]] {
        let id = try id()
        guard let request = device.requests.first(where: { $0.id == id })
        else { throw CallRefusal(StepRefusal.paymentUnknown.name) }
        return [request.encoded]
    }

    // MARK: Paying

    func judge(_ device: OfflineDevice) throws(CallRefusal) -> [[UInt8]] {
        let request = try request()
        do throws(SpendRefusal) { try device.judge(request, clock: clock, verify) } catch {
            throw CallRefusal(error.name)
        }
        return [request.description]
    }

    func pay(_ device: inout OfflineDevice) throws(CallRefusal) -> [[UInt8]] {
        let (request, amount) = (try request(), try number())
        do throws(SpendRefusal) {
            let outgoing = try device.pay(request, amount: amount, clock: clock, verify)
            return [outgoing.request.bytes]
        } catch { throw CallRefusal(error.name) }
    }

    func deposit(_ device: inout OfflineDevice) throws(CallRefusal) -> [[UInt8]] {
        let (record, request) = (try id(), try id())
        do throws(SpendRefusal) {
            _ = try device.wallet.deposit(record, request: request, clock: clock)
        } catch { throw CallRefusal(error.name) }
        return [request.bytes]
    }

    func unlock(_ device: inout OfflineDevice) throws(CallRefusal) -> [[UInt8]] {
        let (amount, request) = (try number(), try id())
        do throws(SpendRefusal) {
            _ = try device.wallet.unlock(amount, request: request, clock: clock)
        } catch { throw CallRefusal(error.name) }
        return [request.bytes]
    }

    func reserved(_ device: OfflineDevice) throws(CallRefusal) -> [[UInt8]] {
        let request = try id()
        guard let outgoing = device.wallet.outbox.first(where: { $0.request == request }),
            outgoing.state == .reserved
        else { throw CallRefusal(StepRefusal.paymentUnknown.name) }
        return outgoing.records.map { $0.message }
    }

    func sign(_ device: inout OfflineDevice) throws(CallRefusal) -> [[UInt8]] {
        let request = try id()
        var signatures: [[UInt8]] = []
        while arguments.remaining > 0 { signatures.append(try field()) }
        do throws(StepRefusal) {
            try device.wallet.sign(request, signatures, verify)
        } catch { throw CallRefusal(error.name) }
        return []
    }

    func show(_ device: inout OfflineDevice) throws(CallRefusal) -> [[UInt8]] {
        let request = try id()
        do throws(StepRefusal) {
            let payment = try device.wallet.show(request)
            return [payment.encoded, payment.code]
        } catch { throw CallRefusal(error.name) }
    }

    func acknowledge(_ device: inout OfflineDevice) throws(CallRefusal) -> [[UInt8]] {
        let word = try read { reader throws(DecodingFault) in
            try Acknowledgement(decoding: try reader.field())
        }
        do throws(StepRefusal) { try device.acknowledge(word, verify) } catch {
            throw CallRefusal(error.name)
        }
        return []
    }

    func giveUp(_ device: inout OfflineDevice) throws(CallRefusal) -> [[UInt8]] {
        let request = try id()
        do throws(StepRefusal) { try device.wallet.giveUp(request) } catch {
            throw CallRefusal(error.name)
        }
        return []
    }

    // MARK: Receiving

    func weigh(_ device: inout OfflineDevice) throws(CallRefusal) -> [[UInt8]] {
        var copy = device
        // Nothing is taken, but a fraud that came to light is not forgotten.
        defer { device.proofsFound = copy.proofsFound }
        return [try taken(try payment(), .max, &copy)]
    }

    func accept(_ device: inout OfflineDevice) throws(CallRefusal) -> [[UInt8]] {
        let (payment, amountMax) = (try payment(), try number())
        return [try taken(payment, amountMax, &device)]
    }

    private func taken(
        _ payment: OfflinePayment, _ amountMax: UInt32, _ device: inout OfflineDevice
    ) throws(CallRefusal) -> [UInt8] {
        do throws(PaymentRefusal) {
            let acceptance = try device.accept(
                payment, amountMax: amountMax, clock: clock, verify)
            return acceptance.description(payment)
        } catch { throw CallRefusal(error.name) }
    }

    func acknowledgement(_ device: OfflineDevice) throws(CallRefusal) -> [[UInt8]] {
        guard let word = device.acknowledgement(of: try id(), clock: clock)
        else { throw CallRefusal(StepRefusal.paymentUnknown.name) }
        return [word.message, word.body]
    }

    func takeProof(_ device: inout OfflineDevice) throws(CallRefusal) -> [[UInt8]] {
        let proof = try read { reader throws(DecodingFault) in
            try FraudProof(decoding: try reader.field())
        }
        do throws(PaymentRefusal) { try device.take(proof, verify) } catch {
            throw CallRefusal(error.name)
        }
        return []
    }

    // MARK: Being online

    func learn(_ device: inout OfflineDevice) throws(CallRefusal) -> [[UInt8]] {
        let news = try read { reader throws(DecodingFault) in
            try OfflineDevice.News(&reader)
        }
        do throws(NewsRefusal) { try device.learn(news, verify) } catch {
            throw CallRefusal(error.name)
        }
        return []
    }
}

extension OfflineDevice.News {
    /// An empty field is nothing new.
    fileprivate init(_ reader: inout ByteReader) throws(DecodingFault) {
        self.init(serverTime: try reader.uint32())
        let (keys, certificate) = (try reader.field(), try reader.field())
        let revocations = try reader.field()
        if !keys.isEmpty { self.keys = try IssuerKeyList(decoding: keys) }
        if !certificate.isEmpty { self.certificate = try Certificate(decoding: certificate) }
        if !revocations.isEmpty {
            self.revocations = try RevocationList(decoding: revocations)
        }
        while reader.remaining > 0 {
            let object = try reader.field()
            switch ObjectType(rawValue: object.first ?? 0) {
            case .fraudProof: proofs.append(try FraudProof(decoding: object))
            case .record: incoming.append(try SpendRecord(decoding: object))
            case .receipt: receipts.append(try OfflineReceipt(decoding: object))
            default: throw .unknownType
            }
        }
    }
}
