import OfflineProtocol
import Testing

@Suite("Texts of QR codes")
struct TextTests {
    @Test(arguments: [("AB", "BB8"), ("Hello!!", "%69 VD92EX0"), ("base-45", "UJCLQE7W581")])
    func base45IsThatOfTheStandard(plain: String, text: String) throws {
        #expect(Base45.encode(Array(plain.utf8)) == Array(text.utf8))
        #expect(try Base45.decode(Array(text.utf8)) == Array(plain.utf8))
    }

    @Test func base45RefusesWhatNobodyWrites() {
        for (text, fault): (String, DecodingFault) in [
            ("GGX", .notCanonical), (":::", .notCanonical), (":Z", .notCanonical),
            ("A", .wrongLength), ("ABCD", .wrongLength), ("ab", .alphabet), ("A\u{E9}", .alphabet),
        ] {
            #expect(throws: fault) { try Base45.decode(Array(text.utf8)) }
        }
    }

    @Test(arguments: [1, 299, 300, 301, 600, 601, 1235, 5000])
    func anyOneFrameMayBeMissing(length: Int) throws {
        let object = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ 7) }
        let frames = try CodeText.frames(of: object).map { text -> Frame in
            guard case .frame(let frame) = try CodeText.decode(text) else {
                throw DecodingFault.unknownType
            }
            return frame
        }
        for missing in frames.indices {
            var assembler = FrameAssembler()
            var whole: [UInt8]?
            for index in frames.indices.reversed() where index != missing {
                whole = assembler.add(frames[index]) ?? whole
                _ = assembler.add(frames[index])
            }
            #expect(whole == object)
        }
    }

    @Test func framesOfTwoObjectsAreNotMixed() throws {
        let texts = [[UInt8](repeating: 1, count: 700), [UInt8](repeating: 2, count: 700)]
            .map { CodeText.frames(of: $0) }
        var assembler = FrameAssembler()
        for text in [texts[0][0], texts[1][1], texts[0][2]] {
            guard case .frame(let frame) = try CodeText.decode(text) else { continue }
            #expect(assembler.add(frame) == nil)
        }
    }
}
