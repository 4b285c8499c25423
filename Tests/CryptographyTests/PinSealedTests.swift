import Cryptography
import Testing

@Suite("Secrets under a PIN")
struct PinSealedTests {
    /// As cheap as Argon2id can be: what it costs is not what is tested here.
    private func seal(_ secret: [UInt8], _ pin: String) throws -> PinSealed {
        try PinSealed.seal(secret, pin: pin, context: [7], memoryKiB: 8, passes: 1)
    }

    @Test func onlyThePinOpens() throws {
        let secret = Array("a key".utf8)
        let sealed = try seal(secret, "482913")
        #expect(try sealed.open(pin: "482913", context: [7]) == secret)
        for pin in ["482914", "", "482913 ", "48291３"] {
            #expect(throws: PinSealed.Failure.pinIncorrect) {
                try sealed.open(pin: pin, context: [7])
            }
        }
        #expect(throws: PinSealed.Failure.pinIncorrect) {
            try sealed.open(pin: "482913", context: [8])
        }
    }

    @Test func theSameSecretIsSealedDifferentlyEachTime() throws {
        let (one, other) = (try seal([1, 2, 3], "482913"), try seal([1, 2, 3], "482913"))
        #expect(one.salt != other.salt)
        #expect(one.sealed != other.sealed)
    }

    @Test func everyChangedBitIsNoticed() throws {
        let sealed = try seal([1, 2, 3], "482913")
        for place in sealed.sealed.indices {
            var changed = sealed.sealed
            changed[place] ^= 1
            let other = PinSealed(memoryKiB: 8, passes: 1, salt: sealed.salt, sealed: changed)
            #expect(throws: PinSealed.Failure.pinIncorrect) {
                try other?.open(pin: "482913", context: [7])
            }
        }
    }

    @Test(arguments: [(7, 1), (8, 0), (1 << 21, 1), (8, 17), (-1, 1)])
    func aFileMayNotAskForEndlessWork(_ memoryKiB: Int, _ passes: Int) {
        let salt = [UInt8](repeating: 0, count: PinSealed.saltBytes)
        #expect(PinSealed(memoryKiB: memoryKiB, passes: passes, salt: salt, sealed: []) == nil)
        #expect(PinSealed(memoryKiB: 8, passes: 1, salt: [], sealed: []) == nil)
    }
}
