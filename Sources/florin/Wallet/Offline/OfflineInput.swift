internal import OfflineProtocol
internal import QRCodes

/// What the other person's screen shows: the text of a code, pictures of it, or lines of the input.
enum OfflineInput {
    /// Any object that is shown to a person.
    enum Shown {
        case request(OfflineRequest)
        case payment(OfflinePayment)
        case acknowledgement(Acknowledgement)
        case proof(FraudProof)
    }

    private static let textBytesMax = 8 * 1024
    /// A person who films a row of frames sees each of them several times.
    private static let textsMax = 1_000

    static func read(_ session: WalletSession) throws -> Shown {
        let bytes = try object(session)
        do throws(DecodingFault) { return try shown(bytes) } catch {
            throw WalletFailure.named("offline_\(error.name)", OfflineWords.sentence(error))
        }
    }

    private static func shown(_ bytes: [UInt8]) throws(DecodingFault) -> Shown {
        switch ObjectType(rawValue: bytes.first ?? 0) {
        case .request: .request(try OfflineRequest(decoding: bytes))
        case .payment: .payment(try OfflinePayment(decoding: bytes))
        case .acknowledgement: .acknowledgement(try Acknowledgement(decoding: bytes))
        case .fraudProof: .proof(try FraudProof(decoding: bytes))
        default: throw .unknownType
        }
    }

    private static func object(_ session: WalletSession) throws -> [UInt8] {
        var assembler = FrameAssembler()
        var seen = 0
        func take(_ text: String) throws -> [UInt8]? {
            seen += 1
            guard text.utf8.count <= textBytesMax, seen <= textsMax else {
                throw WalletFailure.refused("That is more than a payment has.")
            }
            do throws(DecodingFault) {
                switch try CodeText.decode(Array(text.utf8)) {
                case .object(let object): return object
                case .frame(let frame): return assembler.add(frame)
                }
            } catch {
                throw WalletFailure.named("offline_\(error.name)", OfflineWords.sentence(error))
            }
        }
        for word in session.arguments.words {
            for text in try texts(word) { if let object = try take(text) { return object } }
        }
        if session.arguments.words.isEmpty {
            if session.terminal.isInteractive {
                session.terminal.remark("Paste the text that the other person shows:")
            }
            while let line = readLine(strippingNewline: true) {
                if let object = try take(line) { return object }
            }
        }
        throw WalletFailure.refused(
            seen == 0 ? "Nothing was read." : "Some of its codes are missing; read the others too.")
    }

    /// A word is a text, or names a picture.
    private static func texts(_ word: String) throws -> [String] {
        guard !["OF:", "OM:"].contains(word.prefix(3)) else { return [word] }
        do throws(QRPicture.Fault) { return try QRPicture.texts(inFileAt: word) } catch {
            throw WalletFailure.refused("\(UnreadablePicture(path: word, fault: error))")
        }
    }
}
