import TestSupport

extension Array {
    func any(_ random: inout SplitMix64) -> Element? { randomElement(using: &random) }
}
