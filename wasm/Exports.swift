// What the WebAssembly module of the offline protocol shows to a page: a place to put bytes, one
// function to ask, and a place to find the answer. Compiled together with `OfflineProtocol` by
// `scripts/build-wasm`; see `ProtocolCall` for what may be asked.

/// Bytes of one question: a payment of sixteen records has 5 KB, and texts are half as long again.
private let inputBytesMax = 16_384

nonisolated(unsafe) private var input = UnsafeMutablePointer<UInt8>.allocate(
    capacity: inputBytesMax)
nonisolated(unsafe) private var output = UnsafeMutablePointer<UInt8>.allocate(capacity: 1)
nonisolated(unsafe) private var outputBytes = 1

/// Where the question goes; at most `florin_input_max` bytes.
@_expose(wasm, "florin_input") @_cdecl("florin_input")
func florinInput() -> UnsafeMutablePointer<UInt8> { input }

@_expose(wasm, "florin_input_max") @_cdecl("florin_input_max")
func florinInputMax() -> Int32 { Int32(inputBytesMax) }

/// Asks; returns how many bytes the answer has, 0 for what cannot be asked.
@_expose(wasm, "florin_ask") @_cdecl("florin_ask")
func florinAsk(_ call: Int32, _ count: Int32) -> Int32 {
    guard let number = UInt8(exactly: call), let call = ProtocolCall(rawValue: number),
        count >= 0, Int(count) <= inputBytesMax
    else { return 0 }
    var question: [UInt8] = []
    question.reserveCapacity(Int(count))
    for index in 0..<Int(count) { question.append(input[index]) }
    let answer = call.answer(question)
    output.deallocate()
    output = .allocate(capacity: answer.count)
    outputBytes = answer.count
    for index in answer.indices { output[index] = answer[index] }
    return Int32(answer.count)
}

/// Where the answer to the last question lies until the next one.
@_expose(wasm, "florin_output") @_cdecl("florin_output")
func florinOutput() -> UnsafeMutablePointer<UInt8> { output }
