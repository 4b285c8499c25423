import CZxcvbn
import Glibc

/// How easily a password is guessed by somebody who tries what people choose: leaked passwords,
/// words, names, dates, keyboard walks, repeats, and the usual changes of all of them.
///
/// The estimate and its dictionaries are zxcvbn's (Wheeler, USENIX Security 2016).
package enum PasswordStrength {
    /// Its time grows with the fifth power of the length (6 ms at 32 bytes, 1.5 s at 100), and what
    /// follows makes no password weaker.
    static let bytesMax = 32

    /// The logarithm of the number of guesses, rounded down.
    /// - Parameter words: what everybody would try for this person first, such as their name.
    package static func guessBits(_ password: String, knowing words: [String] = []) -> Int {
        let head = Array(password.utf8.prefix(bytesMax)) + [0]
        let copies = unsafe words.map { word in unsafe strdup(word) }
        defer { unsafe copies.forEach { unsafe free($0) } }
        var pointers = unsafe copies.map { unsafe UnsafePointer<CChar>($0) } + [nil]
        let bits = unsafe head.withUnsafeBytes { bytes in
            unsafe ZxcvbnMatch(bytes.bindMemory(to: CChar.self).baseAddress, &pointers, nil)
        }
        return Int(bits)
    }
}
